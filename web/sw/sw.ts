// The service worker: keeps the client's own files, so that it opens without a network, and shows notifications.
// Data is none of its business: that is in IndexedDB, and `/api` is never answered from here.

import { answerOf, MEDIA, type PieceAnswer, type PieceRequest, pieceOf } from './media.ts';
import { toldBy } from './told.ts';

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
  if (url.pathname.startsWith(MEDIA)) event.respondWith(media(event));
  else if (request.mode === 'navigate') event.respondWith(page(request));
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

/** A page that does not answer within this time is gone; ms. */
const PATIENCE = 60_000;

/** A piece of a film, for the player of the page that asks. */
async function media({ request, clientId }: FetchEvent): Promise<Response> {
  const piece = pieceOf(request.headers.get('range'));
  const client = await self.clients.get(clientId);
  const played = request.destination === 'video' || request.destination === 'audio';
  if (client === undefined || piece === undefined || !played) return new Response(null, { status: 404 });
  const { port1, port2 } = new MessageChannel();
  const answered = new Promise<PieceAnswer>((resolve) => {
    port1.onmessage = ({ data }: MessageEvent<PieceAnswer>) => resolve(data);
    setTimeout(() => resolve(null), PATIENCE);
  });
  const asked: PieceRequest = { t: 'media', path: new URL(request.url).pathname, ...piece };
  client.postMessage(asked, [port2]);
  return answerOf(piece.from, await answered.finally(() => port1.close()));
}

self.addEventListener('push', (event) => {
  // A browser that was promised that every push is seen shows one of its own when there is none.
  const { title, path, ...options } = toldBy(event.data);
  event.waitUntil(self.registration.showNotification(title, { ...options, icon: '/icon-192.png', data: { path } }));
});

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
