import { type ChatListItem, type Draft, LIMITS, type Profile } from '@tideline/sdk';
import { CalendarClock, Mic, Paperclip, Plus, SendHorizontal, Smile, X } from 'lucide-react';
import {
  type ClipboardEvent,
  type KeyboardEvent,
  lazy,
  Suspense,
  useEffect,
  useId,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import { useTranslation } from 'react-i18next';
import { useBridge, useFace, useProfile, useSelf } from '../bridge/hooks.ts';
import { usePart, useStore } from '../bridge/store.ts';
import type { Line, MessageLine } from '../core/protocol.ts';
import { openDialog } from '../dialogs/store.ts';
import { Attachments } from '../files/attachments.tsx';
import { sendFiles, withFiles } from '../files/send.ts';
import { trayOf } from '../files/tray.ts';
import { edit } from '../messages/changes.ts';
import { previewOf } from '../messages/preview.ts';
import type { Span } from '../messages/span.ts';
import { complain } from '../notify.ts';
import { settings } from '../settings/store.ts';
import { Avatar } from '../ui/avatar.tsx';
import { openEmoji, openMenu } from '../ui/overlays.ts';
import { cx, IconButton } from '../ui/ui.tsx';
import css from './composer.module.css';
import { draftOf, keepDraft, onAdopted, placeOf } from './drafts.ts';
import { extras } from './extras.tsx';

const Recorder = lazy(() => import('../files/recorder.tsx'));

const encoder = new TextEncoder();
/** People offered after an @. */
const OFFERED = 6;

/** What is written is an answer to a message, or its new wording. */
export interface Compose {
  readonly type: 'reply' | 'edit';
  readonly line: MessageLine;
  /** The piece that is answered. */
  readonly quoted?: Span | undefined;
}

interface Props {
  row: ChatListItem;
  /** seq of the first message of the thread that it writes into. */
  thread?: number;
  compose: Compose | undefined;
  onCompose: (compose: Compose | undefined) => void;
  lines: readonly Line[];
}

/** Where a message is written. What is written is kept until it is sent. */
export function Composer({ row, thread, compose, onCompose, lines }: Props) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const self = useSelf();
  const { name } = useFace(row);
  const field = useRef<HTMLTextAreaElement>(null);
  const place = placeOf(row.id, thread);
  const [text, setText] = useState(() => draftOf(place));
  const [mentioned, setMentioned] = useState<ReadonlyMap<string, string>>(new Map());
  const { enterSends } = useStore(settings);
  const offer = useMentionOffer(row, text, field);
  const listId = useId();
  const picker = useRef<HTMLInputElement>(null);
  const leaving = useRef(false);
  const [recording, setRecording] = useState(false);
  const [toChat, setToChat] = useState(false);
  const tray = useMemo(() => trayOf(bridge, place, row.workspace_id), [bridge, place, row.workspace_id]);
  const attachments = useStore(tray.items);

  useEffect(() => {
    // On a device with a keyboard one can write at once; on a phone the keyboard would cover the messages.
    if (matchMedia('(hover: hover)').matches) field.current?.focus();
  }, []);
  const editing = compose?.type === 'edit' ? compose.line : undefined;
  const editingNow = useRef(editing);
  editingNow.current = editing;
  useEffect(
    () =>
      onAdopted(place, (kept) => {
        if (editingNow.current === undefined) setText(kept);
      }),
    [place],
  );
  useEffect(() => {
    if (compose === undefined) return;
    field.current?.focus();
    if (compose.type === 'edit') setText(compose.line.message.content);
  }, [compose]);
  const end = () => {
    onCompose(undefined);
    // An edit was over the draft, not in its place.
    if (editing !== undefined) setText(draftOf(place));
  };
  useLayoutEffect(() => {
    const element = field.current;
    if (element === null) return;
    element.style.height = '0';
    element.style.height = `${Math.min(element.scrollHeight, 220)}px`;
    // The text decides on the height.
    void text;
  }, [text]);

  const change = (next: string) => {
    setText(next);
    if (editing === undefined) keepDraft(place, next);
    // Who writes in a thread is not shown to write in the conversation.
    if (thread !== undefined) return;
    if (next !== '') void bridge.chat(row.id).typing();
    else void bridge.chat(row.id).stopTyping();
  };
  const over = useMemo(() => encoder.encode(text.trim()).byteLength - LIMITS.contentBytes, [text]);
  const blank = text.trim() === '';
  // Files go with a new message, not with an edit.
  const bringing = editing === undefined ? attachments : [];
  const empty = blank && bringing.length === 0;
  const waiting = bringing.some(({ file }) => file === undefined);
  const paste = (event: ClipboardEvent) => {
    if (editing !== undefined || event.clipboardData.files.length === 0) return;
    event.preventDefault();
    tray.add(event.clipboardData.files);
  };

  const mentionsIn = (content: string): string[] =>
    [...mentioned].filter(([, shown]) => content.includes(shown)).map(([id]) => id);
  /** The message as it stands here, without its files. */
  const written = (): Draft => {
    const content = text.trim();
    const mentions = mentionsIn(content).slice(0, LIMITS.mentionsPerMessage);
    const { seq } = compose?.line.message ?? { seq: null };
    return {
      content,
      ...(thread === undefined ? {} : { thread_seq: thread, ...(toChat ? { also_to_chat: true } : {}) }),
      ...(seq === null ? {} : { reply_to: seq }),
      ...(seq === null || compose?.quoted === undefined ? {} : { quote: compose.quoted }),
      ...(mentions.length === 0 ? {} : { mentions }),
    };
  };
  const clear = () => {
    change('');
    setMentioned(new Map());
    setToChat(false);
    onCompose(undefined);
  };
  const later = () => {
    const draft = written();
    openDialog({
      name: 'schedule',
      at: undefined,
      take: async (at) => {
        const fields = bringing.length === 0 ? draft : await withFiles(bridge, row.id, bringing, draft);
        await bridge.chat(row.id).changes.schedule(at, { kind: 'text', ...fields });
        for (const { id } of bringing) tray.remove(id);
        clear();
      },
    });
  };

  const send = async () => {
    if (empty || waiting || over > 0 || leaving.current) return;
    const content = text.trim();
    const mentions = mentionsIn(content);
    const seq = compose?.line.message.seq ?? null;
    if (editing !== undefined && seq !== null) {
      const before = editing.message.mentions ?? [];
      const kept = before.filter((id) => content.includes(`@${bridge.people.get().get(id)?.fullname ?? ''}`));
      if (await edit(bridge, row.id, seq, content, [...new Set([...kept, ...mentions])])) end();
      return;
    }
    const draft = written();
    clear();
    try {
      if (bringing.length > 0) {
        // They stay in sight until the server has let them go: a second press must not send them again.
        leaving.current = true;
        await sendFiles(bridge, row.id, bringing, draft);
        for (const { id } of bringing) tray.remove(id);
      } else await bridge.chat(row.id).send(draft);
    } catch (error) {
      // Refused before it was kept: the text goes back to where it can be changed.
      if (field.current?.value === '') change(content);
      complain(error);
    } finally {
      leaving.current = false;
    }
  };

  const mention = (person: Profile) => {
    const element = field.current;
    if (element === null || offer.start === undefined) return;
    const shown = `@${person.fullname}`;
    const next = `${text.slice(0, offer.start)}${shown} ${text.slice(element.selectionStart)}`;
    const at = offer.start + shown.length + 1;
    setMentioned(new Map(mentioned).set(person.id, shown));
    change(next);
    requestAnimationFrame(() => {
      element.focus();
      element.setSelectionRange(at, at);
    });
  };

  const label = thread === undefined ? t('composer.placeholder', { name }) : t('panel.threadReply');
  const more = (anchor: Element) =>
    openMenu({ anchor, label: t('extras.title'), entries: extras({ bridge, row, name, thread, t }) });
  /** In the place of what is selected. */
  const insert = (piece: string) => {
    const element = field.current;
    if (element === null) return;
    const at = element.selectionStart + piece.length;
    change(element.value.slice(0, element.selectionStart) + piece + element.value.slice(element.selectionEnd));
    requestAnimationFrame(() => {
      element.focus();
      element.setSelectionRange(at, at);
    });
  };
  const press = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    // While an input method composes, its keys are its own: Enter takes the Chinese characters.
    if (event.nativeEvent.isComposing || event.keyCode === 229) return;
    if (offer.people.length > 0 && offer.press(event, mention)) return;
    if (event.key === 'Escape' && compose !== undefined) {
      event.preventDefault();
      end();
      return;
    }
    if (event.key === 'ArrowUp' && text === '') {
      const own = lines.findLast((line) => line.type === 'message');
      const article =
        own && field.current?.closest('section')?.querySelector<HTMLElement>(`[data-key="${CSS.escape(own.key)}"]`);
      if (article != null) {
        event.preventDefault();
        article.focus();
      }
      return;
    }
    const ctrl = event.ctrlKey || event.metaKey;
    if (event.key === 'Enter' && !event.altKey && (ctrl || (enterSends && !event.shiftKey))) {
      event.preventDefault();
      void send();
    }
  };

  return (
    <form
      className={css.composer}
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      {offer.people.length > 0 && (
        <div className={css.offer} id={listId} role="listbox" aria-label={t('composer.mentions')}>
          {offer.people.map((person, i) => (
            <div
              key={person.id}
              id={`${listId}-${i}`}
              role="option"
              tabIndex={-1}
              aria-selected={i === offer.chosen}
              className={cx(i === offer.chosen && css.chosen)}
              onPointerDown={(event) => {
                event.preventDefault();
                mention(person);
              }}
            >
              <Avatar id={person.id} name={person.fullname} image={person.avatar} size={24} />
              {person.fullname}
              {person.handle !== null && <small>@{person.handle}</small>}
            </div>
          ))}
        </div>
      )}
      {compose !== undefined && <Composing compose={compose} self={self.id} onCancel={end} />}
      {bringing.length > 0 && <Attachments items={bringing} tray={tray} />}
      {recording && (
        <Suspense>
          <Recorder row={row} thread={thread} onEnd={() => setRecording(false)} />
        </Suspense>
      )}
      <div className={css.bar} hidden={recording}>
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          aria-label={t('composer.attach')}
          onChange={({ currentTarget }) => {
            tray.add(currentTarget.files ?? []);
            currentTarget.value = '';
          }}
        />
        <IconButton
          label={t('composer.attach')}
          disabled={editing !== undefined}
          onClick={() => picker.current?.click()}
        >
          <Paperclip size={19} />
        </IconButton>
        <textarea
          ref={field}
          className={css.input}
          rows={1}
          value={text}
          aria-label={label}
          placeholder={label}
          aria-autocomplete="list"
          aria-controls={offer.people.length > 0 ? listId : undefined}
          aria-activedescendant={offer.people.length > 0 ? `${listId}-${offer.chosen}` : undefined}
          enterKeyHint={enterSends ? 'send' : 'enter'}
          onChange={(event) => {
            change(event.target.value);
            offer.look(event.target);
          }}
          onSelect={(event) => offer.look(event.currentTarget)}
          onKeyDown={press}
          onPaste={paste}
        />
        <IconButton
          className={css.emoji}
          label={t('emoji.title')}
          aria-haspopup="dialog"
          onClick={({ currentTarget }) => openEmoji({ anchor: currentTarget, returnTo: field.current, take: insert })}
        >
          <Smile size={19} />
        </IconButton>
        {empty && editing === undefined && (
          <>
            <IconButton
              label={t('extras.title')}
              aria-haspopup="menu"
              onClick={({ currentTarget }) => more(currentTarget)}
            >
              <Plus size={20} />
            </IconButton>
            <IconButton label={t('files.record')} onClick={() => setRecording(true)}>
              <Mic size={19} />
            </IconButton>
          </>
        )}
        {!empty && editing === undefined && (
          <IconButton label={t('schedule.later')} disabled={waiting || over > 0} onClick={later}>
            <CalendarClock size={19} />
          </IconButton>
        )}
        <IconButton
          type="submit"
          className={css.send}
          label={editing === undefined ? t('composer.send') : t('composer.save')}
          disabled={empty || waiting || over > 0}
        >
          <SendHorizontal size={20} />
        </IconButton>
      </div>
      {thread !== undefined && editing === undefined && (
        <label className={css.toChat}>
          <input type="checkbox" checked={toChat} onChange={({ target }) => setToChat(target.checked)} />
          {t('threads.alsoToChat')}
        </label>
      )}
      {over > 0 && (
        <p className={css.over} role="alert">
          {t('composer.tooLong', { count: over })}
        </p>
      )}
    </form>
  );
}

function Composing({ compose, self, onCancel }: { compose: Compose; self: string; onCancel: () => void }) {
  const { t } = useTranslation();
  const { message } = compose.line;
  const { quoted } = compose;
  const sender = useProfile(message.sender_id);
  const name = message.sender_id === self ? t('message.you') : (sender?.fullname ?? t('chat.deletedUser'));
  return (
    <div className={css.reply}>
      <span>
        <b>{compose.type === 'edit' ? t('composer.editing') : t('composer.replyingTo', { name })}</b>
        <span>
          {quoted === undefined
            ? previewOf(message, t)
            : message.content.slice(quoted.offset, quoted.offset + quoted.length)}
        </span>
      </span>
      <IconButton
        label={compose.type === 'edit' ? t('composer.cancelEdit') : t('composer.cancelReply')}
        onClick={onCancel}
      >
        <X size={18} />
      </IconButton>
    </div>
  );
}

/** Members whose name begins with what stands between an @ and the caret. */
function useMentionOffer(row: ChatListItem, text: string, field: React.RefObject<HTMLTextAreaElement | null>) {
  const bridge = useBridge();
  const self = useSelf();
  const members = usePart(bridge.members, (all) => all.get(row.id));
  const people = useStore(bridge.people);
  const [start, setStart] = useState<number>();
  const [chosen, setChosen] = useState(0);

  const look = (element: HTMLTextAreaElement) => {
    const before = element.value.slice(0, element.selectionStart);
    const match = /(?:^|\s)@([^\s@]*)$/u.exec(before);
    setStart(match === null ? undefined : before.length - (match[1]?.length ?? 0) - 1);
  };
  const caret = field.current?.selectionStart ?? text.length;
  const query = start === undefined ? undefined : text.slice(start + 1, caret).toLowerCase();
  const found = useMemo(() => {
    if (query === undefined) return [];
    return (members ?? [])
      .flatMap(({ user_id }) => (user_id === self.id ? [] : (people.get(user_id) ?? [])))
      .filter((one) => one.fullname.toLowerCase().includes(query) || (one.handle?.startsWith(query) ?? false))
      .slice(0, OFFERED);
  }, [query, members, people, self.id]);
  const at = Math.min(chosen, Math.max(0, found.length - 1));

  /** @returns whether the key was for the list */
  const press = (event: KeyboardEvent, take: (person: Profile) => void): boolean => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step !== undefined) setChosen((at + step + found.length) % found.length);
    else if (event.key === 'Enter' || event.key === 'Tab') {
      const person = found[at];
      if (person === undefined) return false;
      take(person);
      setStart(undefined);
    } else if (event.key === 'Escape') setStart(undefined);
    else return false;
    event.preventDefault();
    return true;
  };
  return { people: found, chosen: at, start, look, press };
}
