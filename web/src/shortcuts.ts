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
    const listen = (event: KeyboardEvent) => {
      const ctrl = event.ctrlKey || event.metaKey;
      const act =
        ctrl && !event.altKey ? ctrlKeys[event.code] : event.altKey && !ctrl ? altKeys[event.code] : undefined;
      if (event.key === 'Escape' && dialog.get() === undefined && !event.defaultPrevented) {
        if (document.activeElement === document.body) go('/');
        return;
      }
      if (act === undefined || event.shiftKey) return;
      event.preventDefault();
      act();
    };
    const ctrlKeys: Record<string, () => void> = {
      KeyK: () => openDialog({ name: 'palette' }),
      Slash: () => openDialog({ name: 'settings', page: 'shortcuts' }),
    };
    const altKeys: Record<string, () => void> = {
      KeyN: () => openDialog({ name: 'new' }),
      KeyU: () => {
        const next = now.current.rows.find((row) => row.unread > 0 && now.current.path !== `/c/${row.id}`);
        if (next !== undefined) go(`/c/${next.id}`);
      },
      KeyI: () => window.dispatchEvent(new Event(TOGGLE_DETAILS)),
      ArrowDown: () => step(1),
      ArrowUp: () => step(-1),
    };
    window.addEventListener('keydown', listen);
    return () => window.removeEventListener('keydown', listen);
  }, [go]);
}
