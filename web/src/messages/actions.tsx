import type { ChatListItem } from '@tideline/sdk';
import type { TFunction } from 'i18next';
import {
  Bookmark,
  BookmarkX,
  Copy,
  EyeOff,
  Forward,
  MessagesSquare,
  Pencil,
  Pin,
  PinOff,
  Quote,
  Reply,
  RotateCcw,
  SmilePlus,
  Trash2,
  Undo2,
} from 'lucide-react';
import type { Bridge } from '../bridge/bridge.ts';
import { QUICK } from '../chat/reactions.tsx';
import type { MessageLine } from '../core/protocol.ts';
import { openDialog } from '../dialogs/store.ts';
import { type Anchor, ask, type MenuEntry, openEmoji, toast } from '../ui/overlays.ts';
import { hide, keep, pin, react, recall } from './changes.ts';
import type { Span } from './span.ts';

/** What a line asks of the conversation around it. */
export interface LineEvents {
  /** @param quoted the piece of its text that is answered; its beginning unless given */
  readonly reply: (line: MessageLine, quoted?: Span) => void;
  readonly edit: (line: MessageLine) => void;
  /** Absent where one thread is shown. */
  readonly thread?: (seq: number) => void;
}

export interface ActionContext {
  readonly line: MessageLine;
  readonly own: boolean;
  readonly chat: Pick<ChatListItem, 'id' | 'type' | 'role' | 'forwards'>;
  /** What was pressed for it. */
  readonly anchor: Anchor;
  /** What of its text is selected. */
  readonly quoted: Span | undefined;
  readonly bridge: Bridge;
  readonly t: TFunction;
  readonly on: LineEvents;
}

/** What can be done with a message. One more action: an entry here. */
export function messageActions({ line, own, chat, anchor, quoted, bridge, t, on }: ActionContext): MenuEntry[] {
  const { message, status } = line;
  const { chat_id, client_id, seq } = message;
  if (status === 'failed') {
    return [
      {
        id: 'retry',
        label: t('message.retry'),
        icon: <RotateCcw size={16} />,
        run: () => bridge.outbox(chat_id, client_id, 'retry'),
      },
      {
        id: 'discard',
        label: t('message.discard'),
        icon: <Trash2 size={16} />,
        danger: true,
        run: () => bridge.outbox(chat_id, client_id, 'discard'),
      },
    ];
  }
  if (seq === null || message.recalled !== undefined) return [];
  const pinned = message.pinned !== undefined;
  const sure = async () => {
    const question = { title: t('message.recallAsk'), text: t('message.recallText'), action: t('message.recall') };
    if (await ask(question)) await recall(bridge, chat_id, seq);
  };
  const sureToHide = async () => {
    const question = { title: t('message.hideAsk'), text: t('message.hideText'), action: t('message.hide') };
    if (await ask(question)) await hide(bridge, chat_id, seq);
  };
  const { thread } = on;
  const saved = bridge.saved.get().has(`${chat_id}/${seq}`);
  const entries: (MenuEntry | false)[] = [
    quoted !== undefined && {
      id: 'quote',
      label: t('message.quote'),
      icon: <Quote size={16} />,
      run: () => on.reply(line, quoted),
    },
    {
      id: 'react',
      label: t('message.react'),
      icon: <SmilePlus size={16} />,
      run: () => openEmoji({ anchor, take: (emoji) => void react(bridge, chat_id, seq, emoji, true) }),
    },
    { id: 'reply', label: t('message.reply'), icon: <Reply size={16} />, run: () => on.reply(line) },
    thread !== undefined && {
      id: 'thread',
      label: t('message.thread'),
      icon: <MessagesSquare size={16} />,
      run: () => thread(message.thread_seq ?? seq),
    },
    // The server forwards what stands in the conversation; what it may not, it says.
    chat.forwards === 'allowed' && {
      id: 'forward',
      label: t('forward.title'),
      icon: <Forward size={16} />,
      run: () => openDialog({ name: 'forward', chat_id, seq }),
    },
    {
      id: 'save',
      label: t(saved ? 'saved.remove' : 'saved.add'),
      icon: saved ? <BookmarkX size={16} /> : <Bookmark size={16} />,
      run: () => void keep(bridge, chat_id, seq, !saved).then((done) => done && !saved && toast(t('saved.added'))),
    },
    own &&
      message.kind === 'text' && {
        id: 'edit',
        label: t('message.edit'),
        icon: <Pencil size={16} />,
        run: () => on.edit(line),
      },
    message.content !== '' && {
      id: 'copy',
      label: t('message.copy'),
      icon: <Copy size={16} />,
      run: () => void navigator.clipboard.writeText(message.content).then(() => toast(t('message.copied'))),
    },
    {
      id: 'pin',
      label: pinned ? t('message.unpin') : t('message.pin'),
      icon: pinned ? <PinOff size={16} /> : <Pin size={16} />,
      run: () => void pin(bridge, chat_id, seq, !pinned),
    },
    {
      id: 'hide',
      label: t('message.hide'),
      icon: <EyeOff size={16} />,
      danger: true,
      run: () => void sureToHide(),
    },
    // Whoever may not is told so by the server: permissions differ by conversation.
    (own || (chat.type !== 'Single' && chat.role !== 'member')) && {
      id: 'recall',
      label: t('message.recall'),
      icon: <Undo2 size={16} />,
      danger: true,
      run: () => void sure(),
    },
  ];
  return entries.filter((entry) => entry !== false);
}

/** Reactions that are one press away. */
export function quickReactions({ line, bridge }: Pick<ActionContext, 'line' | 'bridge'>) {
  const { chat_id, seq, recalled, reactions = [] } = line.message;
  if (seq === null || recalled !== undefined) return undefined;
  return QUICK.map((emoji) => {
    const mine = reactions.some((reaction) => reaction.emoji === emoji && reaction.mine === true);
    return { emoji, mine, run: () => void react(bridge, chat_id, seq, emoji, !mine) };
  });
}
