import type { ChatListItem, Profile, User } from '@tideline/sdk';
import { createContext, useContext, useEffect, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { Bridge } from './bridge.ts';
import { usePart, useStore } from './store.ts';

export const BridgeContext = createContext<Bridge | undefined>(undefined);

export function useBridge(): Bridge {
  const bridge = useContext(BridgeContext);
  if (bridge === undefined) throw new Error('useBridge: there is no BridgeContext above');
  return bridge;
}

/** Who is signed in. Only below the point where that is known. */
export function useSelf(): User {
  const { user } = useStore(useBridge().session);
  if (user === null || user === undefined) throw new Error('useSelf: nobody is signed in');
  return user;
}

export const useRow = (id: string): ChatListItem | undefined => usePart(useBridge().rows, (rows) => rows.get(id));

/** Whether the client has caught up: what failed without a network is asked for again when it has. */
export const useOnline = (): boolean => usePart(useBridge().connection, (state) => state === 'online');

/** Who it is; undefined until it is known. */
export function useProfile(id: string | undefined): Profile | undefined {
  const bridge = useBridge();
  const self = useSelf();
  const found = usePart(bridge.people, (people) => (id === undefined ? undefined : people.get(id)));
  useEffect(() => {
    if (id !== undefined && found === undefined && id !== self.id) bridge.want(id);
  }, [bridge, id, found, self.id]);
  return id === self.id ? self : found;
}

/** The name of a user, as a function: for texts that name several. */
export function useNames(): (id: string) => string {
  const bridge = useBridge();
  const people = useStore(bridge.people);
  const self = useSelf();
  const { t } = useTranslation();
  return useMemo(
    () => (id) => {
      if (id === self.id) return self.fullname;
      const found = people.get(id);
      if (found === undefined) bridge.want(id);
      return found?.fullname ?? t('chat.deletedUser');
    },
    [bridge, people, self, t],
  );
}

/** The other person of a Single; oneself, of the one with oneself. */
export const peerOf = (row: ChatListItem, self: string): string | undefined =>
  row.type === 'Single' ? (row.peer_ids?.find((id) => id !== self) ?? self) : undefined;

export interface ChatFace {
  readonly name: string;
  readonly image: string | null;
  /** What its colour comes from. */
  readonly id: string;
  readonly peer: string | undefined;
}

/** How a conversation is shown: by its name, or as the other person. */
export function useFace(row: ChatListItem): ChatFace {
  const self = useSelf();
  const peer = peerOf(row, self.id);
  const profile = useProfile(peer);
  const { t } = useTranslation();
  return {
    name: peer === undefined ? (row.name ?? t(`details.type.${row.type}`)) : (profile?.fullname ?? '…'),
    image: profile?.avatar ?? null,
    id: peer ?? row.id,
    peer,
  };
}

/** When something last happened. */
export const activityOf = (row: ChatListItem): string => row.last_message?.created_at ?? row.updated_at;

/** Every conversation: pinned ones first, then latest activity. */
export function useSortedRows(): readonly ChatListItem[] {
  const rows = useStore(useBridge().rows);
  return useMemo(
    () =>
      [...rows.values()].sort(
        (a, b) => Number(b.pinned) - Number(a.pinned) || activityOf(b).localeCompare(activityOf(a)),
      ),
    [rows],
  );
}
