// The service worker: keeps the client's own files, so that it opens without a network, and shows notifications.
// Data is none of its business: that is in IndexedDB, and `/api` is never answered from here.

declare const self: ServiceWorkerGlobalScope & {
  /** Written in by the build. */
  readonly __FILES: readonly string[];
  readonly __VERSION: string;
};

const CACHE = `client-${self.__VERSION}`;
/** The one page of the client: every address of it is answered with this file. */
const PAGE = '/';

self.addEventListener('install', (event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(CACHE);
      await cache.addAll([...self.__FILES]);
      await self.skipWaiting();
    })(),
  );
});

self.addEventListener('activate', (event) => {
  event.waitUntil(
    (async () => {
      // The last version's files stay: a tab that was opened with them may still ask for a part of them.
      const old = (await caches.keys()).filter((name) => name.startsWith('client-') && name !== CACHE);
      await Promise.all(old.slice(0, -1).map((name) => caches.delete(name)));
      await self.clients.claim();
    })(),
  );
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== self.location.origin) return;
  if (/^\/(api|docs|healthz|openapi\.json|\.well-known)(\/|$)/.test(url.pathname)) return;
  if (request.mode === 'navigate') event.respondWith(page(request));
  else if (url.pathname.startsWith('/app/') || self.__FILES.includes(url.pathname)) event.respondWith(file(request));
});

/** The newest page there is; the kept one when the server is not reached soon. */
async function page(request: Request): Promise<Response> {
  const kept = await caches.match(PAGE);
  if (kept === undefined) return fetch(request);
  try {
    const fresh = await fetch(PAGE, { signal: AbortSignal.timeout(1_500) });
    return fresh.ok ? fresh : kept;
  } catch {
    return kept;
  }
}

/** Files with a hash in their name never change; the others are of this version. */
async function file(request: Request): Promise<Response> {
  return (await caches.match(request)) ?? fetch(request);
}

/** What the server pushes: `PushPayload` of the protocol, as far as it is shown. */
interface Pushed {
  readonly chat_id?: unknown;
  readonly chat_name?: unknown;
  readonly preview?: unknown;
  readonly unread?: unknown;
}

self.addEventListener('push', (event) => {
  const { chat_id, chat_name, preview, unread } = pushed(event.data);
  const known = typeof chat_id === 'string';
  const count = typeof unread === 'number' && unread > 1 ? ` (${unread})` : '';
  // A browser that was promised that every push is seen shows one of its own when there is none.
  event.waitUntil(
    self.registration.showNotification(`${typeof chat_name === 'string' ? chat_name : 'Tideline'}${count}`, {
      body: typeof preview === 'string' && preview !== '' ? preview : '…',
      tag: known ? chat_id : 'tideline',
      icon: '/icon-192.png',
      data: { path: known ? `/c/${chat_id}` : PAGE },
    }),
  );
});

function pushed(data: PushMessageData | null): Pushed {
  try {
    const value: unknown = data?.json();
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  const data = event.notification.data as { path?: unknown } | null;
  const path = typeof data?.path === 'string' && data.path.startsWith('/') ? data.path : PAGE;
  event.waitUntil(
    (async () => {
      const open = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
      const [client] = open;
      if (client === undefined) {
        await self.clients.openWindow(path);
        return;
      }
      await client.focus();
      client.postMessage({ t: 'navigate', path });
    })(),
  );
});

export {};
