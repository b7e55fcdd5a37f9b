import { ITEMS, type ItemKind, type ItemValue } from '../protocol/sync.ts';

/**
 * A row of the inbox that is no conversation, as its owner tells it: at least once, in any order. The highest version
 * holds, so whoever tells takes it from where the change was made. null: the row is gone.
 */
export type Item = {
  [K in ItemKind]: { kind: K; id: string; version: number; value: ItemValue<K> | null };
}[ItemKind];

/** A row of `items` without its position; `value` is JSON. */
export interface ItemRecord {
  kind: ItemKind;
  id: string;
  version: number;
  value: string | null;
}

/** Kinds of which D1 is the owner; of the others it is the inbox itself. */
export const TOLD_BY_D1 = ['contact', 'friend_group', 'privacy', 'workspace'] as const satisfies readonly ItemKind[];

/** Through the schema, which fixes the order of the keys: equal rows are equal texts. */
export const valueJson = ({ kind, value }: Item): string | null =>
  value === null ? null : JSON.stringify(ITEMS[kind].parse(value));

/** The change that a device gets, from what is stored. Matches `Change`. */
export const itemChangeJson = (kind: string, id: string, valueJson: string | null): string =>
  `{"type":"${kind}","id":${JSON.stringify(id)},"value":${valueJson}}`;
