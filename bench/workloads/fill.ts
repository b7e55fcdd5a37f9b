import type { Connection } from '../lib/connection.ts';
import { Ledger } from '../lib/ledger.ts';
import type { Peer } from '../peers/peer.ts';
import { drain } from './members.ts';

const IN_FLIGHT = 20;

/** Sends `count` messages over the lanes in turn, each sender with `IN_FLIGHT` at a time. */
export async function fill(peer: Peer, lanes: { sender: Connection; room: string }[], count: number): Promise<void> {
  const ledger = new Ledger(peer.target.name, 0);
  const templates = lanes.map(({ room }) => peer.template(room));
  let turn = 0;
  const step = (sender: Connection, own: number[]) => {
    if (ledger.sent >= count) return;
    const lane = own[turn++ % own.length] ?? 0;
    const template = templates[lane];
    if (template) sender.send(template, ledger.next());
  };
  const bySender = new Map<Connection, number[]>();
  lanes.forEach(({ sender }, index) => {
    const own = bySender.get(sender) ?? [];
    own.push(index);
    bySender.set(sender, own);
  });
  for (const [sender, own] of bySender) {
    sender.onAck = (id) => {
      ledger.acknowledged(id, 0);
      step(sender, own);
    };
  }
  for (const [sender, own] of bySender) for (let k = 0; k < IN_FLIGHT; k++) step(sender, own);
  await drain(ledger);
  for (const sender of bySender.keys()) sender.onAck = undefined;
  if (ledger.acked !== count) throw new Error(`only ${ledger.acked} of ${count} messages were accepted`);
}
