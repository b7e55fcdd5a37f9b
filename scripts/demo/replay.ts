import type { LocalMessage, Receipt } from '../../sdk/src/index.ts';
import { type Cast, PATIENCE, type Player } from './cast.ts';
import type { Plan, Step } from './plan.ts';
import type { Expected } from './proof.ts';

/** Members that one request may name. */
const BATCH = 500;
/** Unanswered messages of one sender. */
const PIPELINE = 32;
/** Every third person is disconnected halfway. */
const EVERY = 3;

export interface Replayed {
  chatId: string;
  /** What the log has to be, from seq 1. */
  expected: Expected[];
  messages: number;
  replies: number;
  renames: number;
  joins: number;
  leaves: number;
  /** Those who were cut off halfway. */
  disconnected: number;
  /** Time from a send to its acknowledgement, ms. */
  ackTimes: number[];
  /** Of the replay alone, without the coming back of those who were cut off, ms. */
  ms: number;
}

interface Waiting {
  line: number;
  entry: Extract<Expected, { type: 'message' }>;
  message: LocalMessage;
  sentAt: number;
}

async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${PATIENCE / 1000} s`)), PATIENCE);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

/**
 * Plays the steps in the order of the log. Messages of one sender in a row are pipelined: they go out without waiting, on
 * one socket, which keeps their order. Before anybody else acts, they are all acknowledged: that keeps the order of the
 * log among senders.
 */
export class Replay {
  readonly #cast: Cast;
  readonly #plan: Plan;
  readonly #done: Replayed;
  readonly #seqs = new Map<number, number>();
  #waiting: Waiting[] = [];
  #speaker: Player | undefined;

  private constructor(cast: Cast, plan: Plan, chatId: string) {
    this.#cast = cast;
    this.#plan = plan;
    this.#done = {
      chatId,
      expected: [],
      messages: 0,
      replies: 0,
      renames: 0,
      joins: 0,
      leaves: 0,
      disconnected: 0,
      ackTimes: [],
      ms: 0,
    };
  }

  /** Makes the conversation, with those who are there from the start, and plays. */
  static async run(cast: Cast, plan: Plan, name: string, progress: (line: string) => void): Promise<Replayed> {
    const founders = plan.people.flatMap(({ founder }, index) => (founder ? [cast.player(index + 1)] : []));
    const ids = founders.map(({ user }) => user.id);
    const { keeper } = cast;
    const created = await keeper.client.chats.create({
      type: 'PublicChannel',
      name,
      history: 'joined',
      members: ids.slice(0, BATCH),
    });
    const replay = new Replay(cast, plan, created.id);
    replay.#expect({ type: 'chat.created', members: [keeper.user.id, ...ids.slice(0, BATCH)] });
    for (const player of cast.players) player.follow(created.id);
    for (let at = BATCH; at < ids.length; at += BATCH) {
      await created.addMembers(ids.slice(at, at + BATCH));
      replay.#expect({ type: 'member.joined', user_ids: ids.slice(at, at + BATCH) });
    }
    for (const player of [keeper, ...founders]) {
      player.member = true;
      if (player.online) await player.enter();
    }
    return replay.#play(progress);
  }

  get #head(): number {
    return this.#done.expected.length;
  }

  async #play(progress: (line: string) => void): Promise<Replayed> {
    const { steps } = this.#plan;
    const half = Math.floor(steps.length / 2);
    const threeQuarters = Math.floor((steps.length * 3) / 4);
    const began = performance.now();
    let apart = 0;
    let cutOff: Player[] = [];
    for (const [index, step] of steps.entries()) {
      if (index === half) {
        await this.#settle();
        cutOff = this.#cutOff();
        progress(`  halfway: ${cutOff.length} clients disconnected, ${this.#cast.online.length} go on`);
      }
      if (index === threeQuarters && cutOff.length > 0) {
        await this.#settle();
        const back = performance.now();
        await this.#cast.catchUpAll(cutOff, this.#head);
        apart = performance.now() - back;
        progress(`  three quarters: they are back and have caught up, in ${(apart / 1000).toFixed(1)} s`);
      }
      await this.#act(step);
    }
    await this.#settle();
    this.#done.ms = performance.now() - began - apart;
    return this.#done;
  }

  #cutOff(): Player[] {
    const members = this.#cast.online.filter((player) => player.member && player !== this.#cast.keeper);
    const chosen = members.filter((_, index) => index % EVERY === 0);
    for (const player of chosen) player.disconnect();
    this.#done.disconnected = chosen.length;
    return chosen;
  }

  async #act(step: Step): Promise<void> {
    const player = this.#cast.player(step.person + 1);
    if (this.#speaker !== player || step.kind !== 'message') await this.#settle();
    await this.#cast.ready(player, this.#head);
    switch (step.kind) {
      case 'message':
        return this.#say(player, step);
      case 'join':
        await player.join();
        this.#expect({ type: 'member.joined', user_ids: [player.user.id] });
        this.#done.joins += 1;
        return;
      case 'leave':
        await player.leave(this.#head);
        this.#expect({ type: 'member.left', user_id: player.user.id });
        this.#done.leaves += 1;
        return;
      case 'rename':
        await player.client.updateUser({ fullname: step.to });
        this.#done.renames += 1;
        return;
    }
  }

  async #say(player: Player, step: Extract<Step, { kind: 'message' }>): Promise<void> {
    // The seq of what is answered has to be known; it may be one's own, on its way.
    if (step.answers !== undefined && !this.#seqs.has(step.answers)) await this.#settle();
    if (this.#waiting.length >= PIPELINE) await this.#settle();
    const reply_to = step.answers === undefined ? undefined : this.#seqs.get(step.answers);
    const message = player.chat.send({ content: step.text, ...(reply_to === undefined ? {} : { reply_to }) });
    const entry = { type: 'message' as const, sender_id: player.user.id, content: step.text, reply_to, acked: 0 };
    this.#expect(entry);
    this.#speaker = player;
    this.#waiting.push({ line: step.line, entry, message, sentAt: performance.now() });
    this.#done.messages += 1;
    if (reply_to !== undefined) this.#done.replies += 1;
  }

  /** Waits until everything that was sent is acknowledged. */
  async #settle(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#speaker = undefined;
    await Promise.all(
      waiting.map(async ({ line, entry, message, sentAt }) => {
        const receipt: Receipt = await within(message.sent, `line ${line} is acknowledged`);
        this.#done.ackTimes.push(performance.now() - sentAt);
        entry.acked = receipt.seq;
        this.#seqs.set(line, receipt.seq);
      }),
    );
  }

  #expect(entry: Expected): void {
    this.#done.expected.push(entry);
  }
}
