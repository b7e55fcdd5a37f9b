import type { Bridge } from '../bridge/bridge.ts';
import { CallError } from '../bridge/remote.ts';
import { adoptDraft, draftOf, isUntold, onKept, toldDraft, untoldDrafts } from './drafts.ts';

/** A draft is told to the server when nothing was written for so long, ms. */
const PAUSE = 1_200;
/** What was told comes back as a row; for so long an older row does not take its place, ms. */
const ECHO = 10_000;

/** Keeps the drafts of this device and those of the user's others in step: the last one that was written holds. */
export function syncDrafts(bridge: Bridge): void {
  const timers = new Map<string, ReturnType<typeof setTimeout>>();
  const told = new Map<string, { readonly text: string; readonly until: number }>();
  let seen: ReadonlyMap<string, string> = new Map();

  const plan = (place: string) => {
    clearTimeout(timers.get(place));
    timers.set(
      place,
      setTimeout(() => void save(place), draftOf(place) === '' ? 0 : PAUSE),
    );
  };

  async function save(place: string): Promise<void> {
    timers.delete(place);
    // Told meanwhile, or forgotten with a sign-out.
    if (!isUntold(place)) return;
    const text = draftOf(place);
    const [chatId = '', thread] = place.split('/');
    told.set(place, { text, until: Date.now() + ECHO });
    try {
      await bridge.chat(chatId).changes.saveDraft({
        content: text,
        ...(thread === undefined ? {} : { thread_seq: Number(thread) }),
      });
    } catch (error) {
      told.delete(place);
      if (!(error instanceof CallError)) throw error;
      // Told again when the network is back. What is refused stays on this device alone.
      if (error.code === 'network') return;
    }
    if (draftOf(place) === text) toldDraft(place);
  }

  function follow(): void {
    if (bridge.connection.get() !== 'online' || bridge.session.get().user == null) return;
    const now = new Map([...bridge.drafts.get()].map(([place, { content }]) => [place, content]));
    const gone = [...seen.keys()].filter((place) => !now.has(place)).map((place) => [place, ''] as const);
    for (const [place, text] of [...now, ...gone]) if (seen.get(place) !== text) arrived(place, text);
    seen = now;
  }

  function arrived(place: string, text: string): void {
    const expected = told.get(place);
    if (expected?.text === text) told.delete(place);
    else if (expected !== undefined && Date.now() < expected.until) return;
    if (!isUntold(place)) adoptDraft(place, text);
  }

  onKept(plan);
  bridge.drafts.subscribe(follow);
  bridge.connection.subscribe(() => {
    if (bridge.connection.get() !== 'online') return;
    follow();
    for (const place of untoldDrafts()) if (!timers.has(place)) plan(place);
  });
}
