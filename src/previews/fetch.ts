import { resolve4, resolve6 } from 'node:dns/promises';
import type { Preview } from '../protocol/kinds.ts';
import { isPublicAddress, nameOf, publicUrl } from './guard.ts';
import { readPage } from './page.ts';

/** Bounds of one look at a page: milliseconds for all of it, bytes of its beginning, and hops. */
const BOUNDS = { ms: 8000, bytes: 512 * 1024, redirects: 4 } as const;
const PAGE_TYPE = /^(text\/html|application\/xhtml\+xml)\s*(;|$)/i;

/** The ways out. In production always `OUTSIDE`; a test has a network of its own. */
export interface Outside {
  fetch(url: URL, init: RequestInit): Promise<Response>;
  /** Every address of a name. */
  addresses(name: string): Promise<string[]>;
  /** What may be asked although it is not public: nothing, outside of tests. */
  allows?(url: URL): boolean;
}

const none = (): string[] => [];

export const OUTSIDE: Outside = {
  fetch: (url, init) => fetch(url, init),
  addresses: async (name) => (await Promise.all([resolve4(name).catch(none), resolve6(name).catch(none)])).flat(),
};

/** Whether a URL may be asked now: public by its text, and every address of its name public. */
async function mayAsk(outside: Outside, url: URL): Promise<boolean> {
  if (outside.allows?.(url)) return true;
  if (publicUrl(url.href) === null) return false;
  const name = nameOf(url);
  if (name === null) return true;
  const addresses = await outside.addresses(name);
  return addresses.length > 0 && addresses.every(isPublicAddress);
}

/** The page in UTF-8, as far as its bound. */
function bounded(response: Response, type: string): Response {
  let left: number = BOUNDS.bytes;
  const cut = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      controller.enqueue(chunk.subarray(0, left));
      left -= chunk.byteLength;
      if (left <= 0) controller.terminate();
    },
  });
  const charset = /;\s*charset="?([\w-]+)/i.exec(type)?.[1] ?? 'utf-8';
  const text = response.body?.pipeThrough(cut).pipeThrough(decoderOf(charset)).pipeThrough(new TextEncoderStream());
  return new Response(text ?? null, { headers: { 'content-type': 'text/html; charset=utf-8' } });
}

function decoderOf(charset: string): TextDecoderStream {
  try {
    return new TextDecoderStream(charset);
  } catch {
    return new TextDecoderStream();
  }
}

/**
 * What stands behind a link; null: nothing that is shown. Every hop is checked anew, and names are looked up before and after:
 * a name that turns to a private address on the way is not believed. Never throws for what the other side does.
 */
export async function fetchPreview(link: string, agent: string, outside: Outside = OUTSIDE): Promise<Preview | null> {
  const signal = AbortSignal.timeout(BOUNDS.ms);
  const headers = { accept: 'text/html,application/xhtml+xml', 'user-agent': agent };
  try {
    let url = URL.parse(link);
    for (let hop = 0; url !== null && hop <= BOUNDS.redirects; hop++) {
      if (!(await mayAsk(outside, url))) return null;
      const response = await outside.fetch(url, { redirect: 'manual', headers, signal });
      const location = response.headers.get('location');
      if (response.status >= 300 && response.status < 400 && location !== null) {
        await response.body?.cancel();
        url = URL.parse(location, url);
        continue;
      }
      const type = response.headers.get('content-type') ?? '';
      if (!response.ok || !PAGE_TYPE.test(type) || !(await mayAsk(outside, url))) {
        await response.body?.cancel();
        return null;
      }
      const facts = await within(signal, readPage(bounded(response, type)));
      return facts.title === undefined ? null : { url: link, ...facts, title: facts.title };
    }
    return null;
  } catch {
    // Unreachable, too slow, or no HTTP: the link is shown as it is.
    return null;
  }
}

/** The work, or a rejection when the time is up, whatever the work is waiting for. */
function within<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new Error('the page took too long'));
    if (signal.aborted) late();
    signal.addEventListener('abort', late, { once: true });
    work.then(resolve, reject);
  });
}
