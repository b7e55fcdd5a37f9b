import type { ContactCard } from '@tideline/sdk';
import { Store } from '../bridge/store.ts';

export type SettingsPage = 'profile' | 'appearance' | 'notifications' | 'sessions' | 'shortcuts';

/** The dialogs there are, with what each needs. One more: an entry here, and a line in `dialogs.tsx`. */
export type DialogRequest =
  | { readonly name: 'palette' }
  | {
      readonly name: 'new';
      readonly workspace_id?: string;
      readonly kind?: 'person' | 'group' | 'channel' | 'workspace';
    }
  | { readonly name: 'add-members'; readonly to: { readonly chat_id: string } | { readonly workspace_id: string } }
  | { readonly name: 'poll'; readonly chat_id: string; readonly thread_seq?: number }
  | {
      readonly name: 'contact';
      /** Sends the card. @throws CallError */
      readonly take: (contact: ContactCard) => Promise<unknown>;
    }
  | { readonly name: 'forward'; readonly chat_id: string; readonly seq: number }
  | {
      readonly name: 'schedule';
      /** The time that is chosen already. */
      readonly at: Date | undefined;
      /** Sends it then. @throws CallError */
      readonly take: (at: Date) => Promise<unknown>;
    }
  | { readonly name: 'settings'; readonly page: SettingsPage };

/** Tells pages that show workspaces that one was changed from here. */
export const WORKSPACE_CHANGED = 'tideline:workspace';

export const dialog = new Store<DialogRequest | undefined>(undefined);

export const openDialog = (request: DialogRequest): void => dialog.set(request);
export const closeDialog = (): void => dialog.set(undefined);
