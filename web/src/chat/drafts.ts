import { useSyncExternalStore } from 'react';

// What is written and not sent, by place: a conversation, or `<conversation>/<thread>`. It is kept on this device at once, and
// by `draft-sync.ts` on the user's others.

const PREFIX = 'draft/';
/** Marks what the server has not been told yet. */
const UNTOLD = 'draft-untold/';
const listeners = new Set<() => void>();
const adopters = new Map<string, Set<(text: string) => void>>();
let tell: (place: string) => void = () => undefined;

function read(key: string): string {
  try {
    return localStorage.getItem(key) ?? '';
  } catch {
    return '';
  }
}

function write(key: string, text: string): void {
  try {
    if (text.trim() === '') localStorage.removeItem(key);
    else localStorage.setItem(key, text);
  } catch {
    // Storage is off or full: the text stays in the field.
  }
}

export const placeOf = (chatId: string, thread?: number): string =>
  thread === undefined ? chatId : `${chatId}/${thread}`;

export const draftOf = (place: string): string => read(PREFIX + place);

export function keepDraft(place: string, text: string): void {
  if (draftOf(place) === text) return;
  write(PREFIX + place, text);
  write(UNTOLD + place, 'yes');
  tell(place);
  for (const listener of listeners) listener();
}

/** Another device has kept this. */
export function adoptDraft(place: string, text: string): void {
  if (draftOf(place) === text) return;
  write(PREFIX + place, text);
  for (const adopt of adopters.get(place) ?? []) adopt(text);
  for (const listener of listeners) listener();
}

export const isUntold = (place: string): boolean => read(UNTOLD + place) !== '';
export const toldDraft = (place: string): void => write(UNTOLD + place, '');
export const untoldDrafts = (): string[] => keysOf(UNTOLD).map((key) => key.slice(UNTOLD.length));

/** Has `run` called with each place whose draft was changed here. */
export function onKept(run: (place: string) => void): void {
  tell = run;
}

/** Calls `adopt` with what other devices have kept for a place, until the function returned is called. */
export function onAdopted(place: string, adopt: (text: string) => void): () => void {
  const held = adopters.get(place) ?? new Set();
  adopters.set(place, held.add(adopt));
  return () => held.delete(adopt);
}

/** At a sign-out: the next user of this browser finds nothing. */
export function forgetDrafts(): void {
  for (const key of [...keysOf(PREFIX), ...keysOf(UNTOLD)]) localStorage.removeItem(key);
}

function keysOf(prefix: string): string[] {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(prefix));
  } catch {
    return [];
  }
}

export const useDrafts = <T>(read: () => T): T => useSyncExternalStore(subscribe, read);

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
