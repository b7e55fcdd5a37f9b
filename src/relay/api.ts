/** Header in which a room names the relay that is to hold a socket, in the place of an upgrade. */
export const RELAY_HEADER = 'x-tideline-relay';

/** What a room has for the sockets at a relay, in the order in which it happened. */
export interface RelayBatch {
  /** Ready frames, ascending. */
  frames: { text: string; head: number }[];
  /** Users who are no longer in the conversation: their sockets close before anything else. */
  ended: string[];
  /** The conversation was deleted. */
  deleted: boolean;
  /** Something before this batch did not get through: every socket is to ask for what it lacks. */
  gap: boolean;
  head: number;
}

export interface RelayAnswer {
  sockets: number;
}

/**
 * A relay holds sockets of one huge conversation, so that the room sends one call per relay and batch instead of one frame per
 * socket. It has no storage and no say: order, permission and history stay with the room.
 */
export interface RelayApi {
  publish(batch: RelayBatch): Promise<RelayAnswer>;
  endSessions(
    user: string,
    which: { sessions: string[] | 'all'; except?: string | undefined; reason: 'session_ended' | 'suspended' },
  ): Promise<void>;
}
