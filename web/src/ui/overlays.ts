import type { ReactNode } from 'react';
import { Store } from '../bridge/store.ts';

// What lies over the page. Anything may ask for it; `overlay-host.tsx` shows it, and is loaded at the first use.

export interface MenuEntry {
  readonly id: string;
  readonly label: string;
  readonly icon?: ReactNode;
  readonly danger?: boolean;
  readonly run: () => void;
}

/** One of a row of emoji at the top of a menu. */
export interface MenuEmoji {
  readonly emoji: string;
  readonly mine: boolean;
  readonly run: () => void;
}

/** An element, or a point of the page. */
export type Anchor = Element | { readonly x: number; readonly y: number };

export interface EmojiRequest {
  readonly anchor: Anchor;
  /** What is focused afterwards; the anchor unless given. */
  readonly returnTo?: HTMLElement | null;
  readonly take: (emoji: string) => void;
}

export interface MenuRequest {
  readonly anchor: Anchor;
  readonly label: string;
  readonly emoji?: readonly MenuEmoji[] | undefined;
  readonly entries: readonly MenuEntry[];
}

export interface ConfirmRequest {
  readonly title: string;
  readonly text: string;
  readonly action: string;
  readonly answer: (yes: boolean) => void;
}

export interface Toast {
  readonly id: number;
  readonly text: string;
}

export const menu = new Store<MenuRequest | undefined>(undefined);
export const emojiPicker = new Store<EmojiRequest | undefined>(undefined);
export const confirmation = new Store<ConfirmRequest | undefined>(undefined);
export const toasts = new Store<readonly Toast[]>([]);

const TOAST_FOR = 5_000;
let lastToast = 0;

export const openMenu = (request: MenuRequest): void => menu.set(request);

/** An anchor as what lies over the page is placed by. */
export const anchorOf = (anchor: Anchor) =>
  anchor instanceof Element ? anchor : { getBoundingClientRect: () => DOMRect.fromRect({ x: anchor.x, y: anchor.y }) };

/** Asks for an emoji, once what was pressed for it is closed. */
export const openEmoji = (request: EmojiRequest): void => void setTimeout(() => emojiPicker.set(request));

export function ask(question: Omit<ConfirmRequest, 'answer'>): Promise<boolean> {
  return new Promise((resolve) => {
    confirmation.set({
      ...question,
      answer: (yes) => {
        confirmation.set(undefined);
        resolve(yes);
      },
    });
  });
}

export function toast(text: string): void {
  if (toasts.get().some((shown) => shown.text === text)) return;
  const id = ++lastToast;
  toasts.set([...toasts.get(), { id, text }]);
  setTimeout(() => toasts.set(toasts.get().filter((shown) => shown.id !== id)), TOAST_FOR);
}
