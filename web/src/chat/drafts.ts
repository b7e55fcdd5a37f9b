import { useSyncExternalStore } from 'react';

// What is written and not sent, kept on this device by conversation.

const PREFIX = 'draft/';
const listeners = new Set<() => void>();

export function draftOf(chatId: string): string {
  try {
    return localStorage.getItem(PREFIX + chatId) ?? '';
  } catch {
    return '';
  }
}

export function keepDraft(chatId: string, text: string): void {
  if (draftOf(chatId) === text) return;
  try {
    if (text.trim() === '') localStorage.removeItem(PREFIX + chatId);
    else localStorage.setItem(PREFIX + chatId, text);
  } catch {
    // Storage is off or full: the text stays in the field.
  }
  for (const listener of listeners) listener();
}

/** At a sign-out: the next user of this browser finds nothing. */
export function forgetDrafts(): void {
  for (const key of Object.keys(localStorage)) if (key.startsWith(PREFIX)) localStorage.removeItem(key);
}

export const useDrafts = <T>(read: () => T): T => useSyncExternalStore(subscribe, read);

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
