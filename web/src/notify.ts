import type { Message } from '@tideline/sdk';
import i18next from 'i18next';
import type { Bridge } from './bridge/bridge.ts';
import { CallError } from './bridge/remote.ts';
import type { Failure } from './core/protocol.ts';
import { previewOf } from './messages/preview.ts';
import { settings } from './settings/store.ts';
import { toast } from './ui/overlays.ts';

/** What a failure says to the person who sees it. */
export function failureText({ code, message }: Pick<Failure, 'code' | 'message'>): string {
  const key = `error.${code}`;
  return i18next.exists(key) ? i18next.t(key as 'error.fault') : message;
}

/** What to say of a call that has failed. Whatever else was thrown is a fault, and is thrown on. */
export function complaint(error: unknown): string {
  if (!(error instanceof CallError)) throw error;
  return failureText(error.failure);
}

/** Says in passing why a call has failed. */
export const complain = (error: unknown): void => toast(complaint(error));

/** Makes a request; what went wrong is said in passing. Returns whether it was done. */
export async function attempt(request: Promise<unknown>): Promise<boolean> {
  try {
    await request;
    return true;
  } catch (error) {
    complain(error);
    return false;
  }
}

/** Tells of a message while nobody looks at the client. A conversation has one notification: the next replaces it. */
export async function showNotification(bridge: Bridge, message: Message): Promise<void> {
  if (!settings.get().notify || !('Notification' in globalThis) || Notification.permission !== 'granted') return;
  const row = bridge.rows.get().get(message.chat_id);
  const name = bridge.people.get().get(message.sender_id)?.fullname ?? i18next.t('chat.deletedUser');
  const title = row?.name == null ? name : i18next.t('notify.title', { name, chat: row.name });
  const options = {
    body: previewOf(message, i18next.t),
    tag: message.chat_id,
    icon: '/icon-192.png',
    data: { path: `/c/${message.chat_id}` },
  };
  const registration = await navigator.serviceWorker?.getRegistration();
  if (registration !== undefined) await registration.showNotification(title, options);
  else new Notification(title, options);
}
