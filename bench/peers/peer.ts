import type { Connection, SendTemplate } from '../lib/connection.ts';

export const PEER_NAMES = ['tideline', 'naive', 'ceiling'] as const;
export type PeerName = (typeof PEER_NAMES)[number];

/** A running server, as the generator has to know it. */
export interface Target {
  name: PeerName;
  port: number;
  /** Root of the server's process tree. */
  pid: number;
  /** Where the server keeps what it stores. */
  stateDir: string;
  /** Of the V8 inspector, when the server runs with one. */
  inspectorPort?: number;
}

/** One server under load. Users are numbered from 0; rooms are named by what `createRoom` returned. */
export interface Peer {
  readonly target: Target;
  /** Makes sure that users 0 … count-1 exist and that their tokens will last for a while. */
  prepareUsers(count: number): Promise<void>;
  /** `pair`: a conversation of two in which the sender of a message may be spared its copy. */
  createRoom(kind: 'group' | 'pair', members: number[]): Promise<string>;
  /** `compressed`: the socket offers permessage-deflate. */
  openRoom(room: string, user: number, compressed?: boolean): Promise<Connection>;
  template(room: string): SendTemplate;
  /** The server was started again on the same state: what it stored holds, connections do not. */
  moved(target: Target): void;
  close(): void;
}
