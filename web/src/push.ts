import type { Bridge } from './bridge/bridge.ts';

/** What became of the wish to be pushed to. */
export type Pushed = 'on' | 'unsupported' | 'failed';

function bytesOf(base64url: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64url.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** Has the server push to this browser while no tab is open. Done again it changes nothing. @throws CallError */
export async function subscribe(bridge: Bridge): Promise<Pushed> {
  const registration = await navigator.serviceWorker?.getRegistration();
  const key = await bridge.client.push.key();
  if (registration?.pushManager === undefined || key === null) return 'unsupported';
  const applicationServerKey = bytesOf(key);
  const subscribed = () => registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey });
  try {
    const subscription = await subscribed().catch(async () => {
      // One that was made for another key stands in the way.
      await (await registration.pushManager.getSubscription())?.unsubscribe();
      return subscribed();
    });
    const { endpoint, keys } = subscription.toJSON();
    if (endpoint === undefined || keys?.p256dh === undefined || keys.auth === undefined) return 'failed';
    await bridge.client.push.subscribe({ endpoint, keys: { p256dh: keys.p256dh, auth: keys.auth } });
    return 'on';
  } catch (error) {
    // The browser's push service is out of reach, or switched off.
    if (error instanceof DOMException) return 'failed';
    throw error;
  }
}

/** The push service then says that the subscription is gone, and the server drops it. */
export async function unsubscribe(): Promise<void> {
  const registration = await navigator.serviceWorker?.getRegistration();
  await (await registration?.pushManager?.getSubscription())?.unsubscribe();
}
