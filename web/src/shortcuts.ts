import { useEffect, useRef } from 'react';
import { useLocation } from 'wouter';
import { useSortedRows } from './bridge/hooks.ts';
import { dialog, openDialog } from './dialogs/store.ts';

/** Asks the open conversation to show or hide its details. */
export const TOGGLE_DETAILS = 'tideline:details';

export const SHORTCUTS = [
  ['Ctrl K', 'palette'],
  ['Alt N', 'new'],
  ['Alt U', 'nextUnread'],
  ['Alt ↓', 'next'],
  ['Alt ↑', 'previous'],
  ['Alt I', 'details'],
  ['↑ ↓', 'messages'],
  ['R', 'reply'],
  ['Esc', 'close'],
  ['Ctrl /', 'help'],
] as const;

/** The keys that work everywhere. By `code` where a modifier changes the letter. */
export function useShortcuts(): void {
  const [path, go] = useLocation();
  const rows = useSortedRows();
  const now = useRef({ path, rows });
  now.current = { path, rows };

  useEffect(() => {
    const step = (by: number) => {
      const shown = now.current.rows.filter((row) => !row.archived);
      const at = shown.findIndex((row) => now.current.path === `/c/${row.id}`);
      const next = shown[at === -1 ? 0 : at + by];
      if (next !== undefined) go(`/c/${next.id}`);
    };
    const keys = new Map<string, () => void>([
      ['Ctrl KeyK', () => openDialog({ name: 'palette' })],
      ['Ctrl Slash', () => openDialog({ name: 'settings', page: 'shortcuts' })],
      ['Alt KeyN', () => openDialog({ name: 'new' })],
      [
        'Alt KeyU',
        () => {
          const next = now.current.rows.find((row) => row.unread > 0 && now.current.path !== `/c/${row.id}`);
          if (next !== undefined) go(`/c/${next.id}`);
        },
      ],
      ['Alt KeyI', () => window.dispatchEvent(new Event(TOGGLE_DETAILS))],
      ['Alt ArrowDown', () => step(1)],
      ['Alt ArrowUp', () => step(-1)],
    ]);
    const listen = (event: KeyboardEvent) => {
      const ctrl = event.ctrlKey || event.metaKey;
      if (event.key === 'Escape' && dialog.get() === undefined && !event.defaultPrevented) {
        if (document.activeElement === document.body) go('/');
        return;
      }
      const act = ctrl === event.altKey ? undefined : keys.get(`${ctrl ? 'Ctrl' : 'Alt'} ${event.code}`);
      if (act === undefined || event.shiftKey) return;
      event.preventDefault();
      act();
    };
    window.addEventListener('keydown', listen);
    return () => window.removeEventListener('keydown', listen);
  }, [go]);
}
