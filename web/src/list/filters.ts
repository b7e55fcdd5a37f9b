import type { ChatListItem } from '@tideline/sdk';

/** What of the list is shown. */
export const FILTERS = {
  all: (row) => !row.archived,
  unread: (row) => !row.archived && (row.unread > 0 || row.marked_unread),
  direct: (row) => !row.archived && row.type === 'Single',
  groups: (row) => !row.archived && row.type !== 'Single',
  archived: (row) => row.archived,
} as const satisfies Record<string, (row: ChatListItem) => boolean>;

export type Filter = keyof typeof FILTERS;
