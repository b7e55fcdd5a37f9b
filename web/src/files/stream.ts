import type { FileInfo } from '@tideline/sdk';
import { useEffect, useState } from 'react';
import { MEDIA, type PieceAnswer, type PieceRequest } from '../../sw/media.ts';
import type { Bridge } from '../bridge/bridge.ts';
import { useBridge } from '../bridge/hooks.ts';
import { asked, type Loaded, type Place, useFile } from './use-file.ts';

/** With what the player calls that cannot play it. */
export interface Streamed extends Loaded {
  readonly onError: () => void;
}

interface Played {
  readonly bridge: Bridge;
  readonly place: Place;
  readonly size: number;
  readonly type: string;
}

/** What this page plays, by its address: an address is good here, and while it is shown. */
const playing = new Map<string, Played>();
let listening = false;

/** Answers the service worker, which answers the player. */
function listen(container: ServiceWorkerContainer): void {
  if (listening) return;
  listening = true;
  container.addEventListener('message', ({ data, ports: [port] }: MessageEvent<Partial<PieceRequest>>) => {
    if (data.t === 'media' && port !== undefined) void answer(data).then((piece) => port.postMessage(piece));
  });
}

async function answer({ path = '', from = 0, before = 0 }: Partial<PieceRequest>): Promise<PieceAnswer> {
  const played = playing.get(path);
  if (played === undefined) return null;
  const { bridge, place, size, type } = played;
  if (from >= size) return { content: new Blob(), size, type };
  try {
    const range = [from, Math.min(before, size)] as const;
    return { content: await bridge.client.files.download(asked(place), { range }), size, type };
  } catch {
    // The player says that it cannot be played.
    return null;
  }
}

/**
 * The address of a film or a sound for as long as it is shown: played piece by piece, as far as somebody watches. Where no
 * service worker stands between, or the one of an earlier build that knows nothing of it, the whole of it is loaded first.
 */
export function useStream(place: Place | undefined, { size, type }: Pick<FileInfo, 'size' | 'type'>): Streamed {
  const bridge = useBridge();
  const [url, setUrl] = useState<string>();
  const [broken, setBroken] = useState<'streamed' | 'whole'>();
  const { chat_id, file_id } = place ?? {};
  const container = 'serviceWorker' in navigator ? navigator.serviceWorker : undefined;
  const streamed = broken === undefined && container?.controller != null;
  const whole = useFile(streamed ? undefined : place);
  useEffect(() => {
    if (!streamed || container === undefined || file_id === undefined) return;
    listen(container);
    const path = `${MEDIA}${crypto.randomUUID()}`;
    playing.set(path, { bridge, place: { chat_id, file_id }, size, type });
    setUrl(path);
    return () => {
      playing.delete(path);
      setUrl(undefined);
    };
  }, [bridge, container, streamed, chat_id, file_id, size, type]);
  if (streamed) return { url, failed: false, onError: () => setBroken('streamed') };
  return { url: whole.url, failed: whole.failed || broken === 'whole', onError: () => setBroken('whole') };
}
