import type { FileInfo } from '@tideline/sdk';
import { useEffect, useState } from 'react';
import type { Bridge } from '../bridge/bridge.ts';
import { useBridge } from '../bridge/hooks.ts';

export interface Place {
  /** Without it the file is the user's own: one whose message is still on its way. */
  readonly chat_id: string | undefined;
  readonly file_id: string;
}

export const asked = ({ chat_id, file_id }: Place) => (chat_id === undefined ? { file_id } : { chat_id, file_id });

interface Held {
  readonly url: Promise<string>;
  users: number;
}

/** Contents that nobody shows are kept for as many, the latest of them: whoever scrolls back does not wait. */
const KEPT = 60;
const held = new Map<string, Held>();
/** What was sent from this tab, by its ticket: shown while the message is on its way. */
const sent = new Map<string, FileInfo>();

export const rememberTicket = (ticket: string, file: FileInfo): void => void sent.set(ticket, file);
export const fileOfTicket = (ticket: string): FileInfo | undefined => sent.get(ticket);

/** At a sign-out: the next user of this browser finds nothing. */
export function forgetFiles(): void {
  for (const { url } of held.values()) void url.then((address) => URL.revokeObjectURL(address)).catch(() => undefined);
  held.clear();
  sent.clear();
}

/** Access is the server's to decide, by the session: an address alone brings nothing. */
function take(bridge: Bridge, place: Place): Held {
  const key = `${place.chat_id ?? 'own'}/${place.file_id}`;
  const known = held.get(key);
  if (known !== undefined) {
    held.delete(key);
    held.set(key, known);
    known.users++;
    return known;
  }
  const url = bridge.client.files.download(asked(place)).then((blob) => URL.createObjectURL(blob));
  const made: Held = { url, users: 1 };
  held.set(key, made);
  url.catch(() => held.get(key) === made && held.delete(key));
  prune();
  return made;
}

function prune(): void {
  const idle = [...held].filter(([, { users }]) => users === 0);
  for (const [key, { url }] of idle.slice(0, Math.max(0, idle.length - KEPT))) {
    held.delete(key);
    void url.then((address) => URL.revokeObjectURL(address)).catch(() => undefined);
  }
}

export interface Loaded {
  readonly url: string | undefined;
  readonly failed: boolean;
}

/** The address of a content for as long as it is shown; nothing is loaded while there is no place. */
export function useFile(place: Place | undefined): Loaded {
  const bridge = useBridge();
  const [loaded, setLoaded] = useState<Loaded>({ url: undefined, failed: false });
  const { chat_id, file_id } = place ?? {};
  useEffect(() => {
    if (file_id === undefined) return;
    let wanted = true;
    const taken = take(bridge, { chat_id, file_id });
    taken.url.then(
      (url) => wanted && setLoaded({ url, failed: false }),
      () => wanted && setLoaded({ url: undefined, failed: true }),
    );
    return () => {
      wanted = false;
      taken.users--;
      prune();
    };
  }, [bridge, chat_id, file_id]);
  return loaded;
}

/** Saves a content under its name. */
export async function save(bridge: Bridge, place: Place, name: string): Promise<void> {
  saveBlob(await bridge.client.files.download(asked(place)), name);
}

export function saveBlob(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  const link = Object.assign(document.createElement('a'), { href: url, download: name });
  link.click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
