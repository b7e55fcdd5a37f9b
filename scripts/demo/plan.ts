import { foldNick, type LogLine, type Problem } from './log.ts';

/*
 * Who the people of a log are, and what they do, step by step. One person is one user:
 *
 * - A nick is whose it was last. A new nick stays with the person; who takes one that somebody still has is that
 *   person, back on another connection (`ada_` becoming `ada`).
 * - Who first shows up by speaking, leaving or changing the nick has been there from the start.
 * - Logs do not show everything. Who speaks without being there has joined in between; who joins and is there already
 *   has left in between.
 */

export interface Person {
  /** The nick at the beginning. */
  nick: string;
  /** The nick at the end. */
  lastNick: string;
  /** A member from the start. */
  founder: boolean;
}

/** One thing that a person does. `person` is an index. */
export type Step = { line: number; person: number } & (
  | { kind: 'join' | 'leave' }
  | { kind: 'rename'; to: string }
  /** `answers` is the line of the message that this one answers. */
  | { kind: 'message'; text: string; answers?: number }
);

export interface Plan {
  people: Person[];
  steps: Step[];
  problems: Problem[];
  /** Joins and leaves that the log does not show. */
  impliedJoins: number;
  impliedLeaves: number;
  /** Links beyond the one that a message can have. */
  spareLinks: number;
}

/** Which lines are of the same person. */
class Identities {
  readonly #parent: number[] = [];
  readonly #lastHolder = new Map<string, number>();
  readonly #held = new Set<string>();

  /** The person who has this nick, or had it last; somebody new when nobody did. */
  of(nick: string): number {
    const key = foldNick(nick);
    let person = this.#lastHolder.get(key);
    if (person === undefined) {
      person = this.#parent.push(this.#parent.length) - 1;
      this.#lastHolder.set(key, person);
    }
    this.#held.add(key);
    return person;
  }

  release(nick: string): void {
    this.#held.delete(foldNick(nick));
  }

  rename(from: string, to: string): number {
    const person = this.of(from);
    this.release(from);
    const key = foldNick(to);
    const holder = this.#held.has(key) ? this.#lastHolder.get(key) : undefined;
    if (holder !== undefined) this.#parent[this.root(person)] = this.root(holder);
    this.#lastHolder.set(key, person);
    this.#held.add(key);
    return person;
  }

  root(person: number): number {
    let at = person;
    for (let up = this.#parent[at]; up !== undefined && up !== at; up = this.#parent[at]) at = up;
    return at;
  }
}

export function planOf(lines: LogLine[], replies: ReadonlyMap<number, number[]> = new Map()): Plan {
  const identities = new Identities();
  const actors = lines.map((entry) => {
    if (entry.kind === 'rename') return identities.rename(entry.nick, entry.to);
    const person = identities.of(entry.nick);
    if (entry.kind === 'leave') identities.release(entry.nick);
    return person;
  });

  const indexes = new Map<number, number>();
  const people: Person[] = [];
  const sees: (number | null)[] = [];
  const plan: Plan = { people, steps: [], problems: [], impliedJoins: 0, impliedLeaves: 0, spareLinks: 0 };
  const spoken = new Set<number>();
  for (const [at, entry] of lines.entries()) {
    const root = identities.root(actors[at] ?? 0);
    let person = indexes.get(root);
    if (person === undefined) {
      const founder = entry.kind !== 'join';
      person = people.push({ nick: entry.nick, lastNick: entry.nick, founder }) - 1;
      indexes.set(root, person);
      sees.push(founder ? 0 : null);
    }
    act(plan, entry, { person, sees, spoken, answers: replies.get(entry.line) ?? [] });
  }
  return plan;
}

interface Scene {
  person: number;
  /** By person, the line from which they see what is said; null for those who are not there. */
  sees: (number | null)[];
  /** Lines that are messages. */
  spoken: Set<number>;
  answers: number[];
}

function act(plan: Plan, entry: LogLine, scene: Scene): void {
  const { line } = entry;
  const { person, sees } = scene;
  const isHere = sees[person] !== null;
  switch (entry.kind) {
    case 'join':
      if (isHere) {
        plan.impliedLeaves += 1;
        plan.steps.push({ line, person, kind: 'leave' });
      }
      sees[person] = line;
      plan.steps.push({ line, person, kind: 'join' });
      break;
    case 'leave':
      if (isHere) plan.steps.push({ line, person, kind: 'leave' });
      else plan.problems.push({ line, what: `${entry.nick} leaves and is not there`, skipped: true });
      sees[person] = null;
      break;
    case 'rename': {
      const who = plan.people[person];
      if (who !== undefined) who.lastNick = entry.to;
      plan.steps.push({ line, person, kind: 'rename', to: entry.to });
      break;
    }
    case 'message': {
      if (!isHere) {
        sees[person] = line;
        plan.impliedJoins += 1;
        plan.steps.push({ line, person, kind: 'join' });
      }
      const answers = answered(plan, line, scene);
      scene.spoken.add(line);
      plan.steps.push({
        line,
        person,
        kind: 'message',
        text: entry.text,
        ...(answers === undefined ? {} : { answers }),
      });
      break;
    }
  }
}

/** The one message that a message can answer: the latest that its sender can see. */
function answered(plan: Plan, line: number, { person, sees, spoken, answers }: Scene): number | undefined {
  if (answers.length === 0) return undefined;
  const messages = answers.filter((answer) => spoken.has(answer));
  const visible = messages.filter((answer) => answer >= (sees[person] ?? 0));
  plan.spareLinks += Math.max(0, visible.length - 1);
  if (visible.length === 0) {
    const why = messages.length === 0 ? 'is no message' : 'was said before its sender came';
    plan.problems.push({ line, what: `sent without its link: line ${answers.join(', ')} ${why}`, skipped: false });
  }
  return visible.at(-1);
}
