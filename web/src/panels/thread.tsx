import type { Message } from '@tideline/sdk';
import { SendHorizontal } from 'lucide-react';
import { type FormEvent, useCallback, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useBridge, useProfile } from '../bridge/hooks.ts';
import { CallError } from '../bridge/remote.ts';
import { fullTime, shortTime } from '../i18n/times.ts';
import { MessageBody } from '../messages/kinds.tsx';
import { failureText } from '../notify.ts';
import { Avatar } from '../ui/avatar.tsx';
import { toast } from '../ui/overlays.ts';
import { IconButton, inputClass, Spinner, useFocus } from '../ui/ui.tsx';
import css from './panel.module.css';
import type { PanelProps } from './panel.tsx';

interface Page {
  readonly items: readonly Message[];
  readonly has_more: boolean;
}

/** A message and what was answered to it, apart from the conversation. */
export function Thread({ row, panel }: PanelProps) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const seq = panel.name === 'thread' ? panel.seq : 0;
  const field = useFocus<HTMLInputElement>();
  const [root, setRoot] = useState<Message>();
  const [replies, setReplies] = useState<readonly Message[]>();
  const [hasOlder, setHasOlder] = useState(false);
  const path = `/api/chats/${row.id}/messages/${seq}/thread`;

  const shown = useCallback((error: unknown) => {
    if (!(error instanceof CallError)) throw error;
    toast(failureText(error.failure));
  }, []);
  useEffect(() => {
    // With every event of the conversation: a reply is one.
    void row.head_seq;
    let wanted = true;
    Promise.all([
      bridge.client.chats.messages(row.id, { after: seq - 1, limit: 1 }),
      bridge.request<Page>(path, { query: { limit: 100 } }),
    ])
      .then(([first, page]) => {
        if (!wanted) return;
        setRoot(first.items.find((message) => message.seq === seq));
        setReplies(page.items);
        setHasOlder(page.has_more);
      })
      .catch(shown);
    return () => {
      wanted = false;
    };
  }, [bridge, row.id, row.head_seq, seq, path, shown]);

  const older = () => {
    const before = replies?.[0]?.seq;
    if (before === undefined) return;
    bridge
      .request<Page>(path, { query: { before, limit: 100 } })
      .then((page) => {
        setReplies((held) => [...page.items, ...(held ?? [])]);
        setHasOlder(page.has_more);
      })
      .catch(shown);
  };

  async function send(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const content = String(new FormData(form).get('content')).trim();
    if (content === '') return;
    form.reset();
    await bridge.chat(row.id).send({ content, thread_seq: seq }).catch(shown);
  }

  if (root === undefined || replies === undefined) return <Spinner label={t('common.loading')} />;
  return (
    <div className={css.thread}>
      <ol>
        <Reply message={root} />
        {hasOlder && (
          <li>
            <button type="button" className={css.older} onClick={older}>
              {t('common.loadMore')}
            </button>
          </li>
        )}
        {replies.map((message) => (
          <Reply key={message.seq} message={message} />
        ))}
      </ol>
      <form className={css.answer} onSubmit={(event) => void send(event)}>
        <input
          name="content"
          className={inputClass}
          autoComplete="off"
          ref={field}
          aria-label={t('panel.threadReply')}
          placeholder={t('panel.threadReply')}
        />
        <IconButton type="submit" label={t('composer.send')}>
          <SendHorizontal size={18} />
        </IconButton>
      </form>
    </div>
  );
}

function Reply({ message }: { message: Message }) {
  const { t } = useTranslation();
  const sender = useProfile(message.sender_id);
  const name = sender?.fullname ?? t('chat.deletedUser');
  return (
    <li className={css.reply}>
      <Avatar id={message.sender_id} name={name} image={sender?.avatar} size={32} />
      <div>
        <span className={css.hitHead}>
          <b>{name}</b>
          <time dateTime={message.created_at} title={fullTime(message.created_at)}>
            {shortTime(message.created_at)}
          </time>
        </span>
        {message.recalled === undefined ? (
          <MessageBody message={message} own={false} />
        ) : (
          <em>{t('message.recalled')}</em>
        )}
      </div>
    </li>
  );
}
