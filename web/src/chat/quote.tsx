import type { Message } from '@tideline/sdk';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Bridge } from '../bridge/bridge.ts';
import { useBridge, useProfile } from '../bridge/hooks.ts';
import { previewOf } from '../messages/preview.ts';
import css from './chat.module.css';

/** Messages that were quoted and looked up, by conversation and seq. */
const found = new Map<string, Promise<Message | undefined>>();
const KEPT = 500;

function lookUp(bridge: Bridge, chatId: string, seq: number): Promise<Message | undefined> {
  const key = `${chatId}/${seq}`;
  let asked = found.get(key);
  if (asked === undefined) {
    asked = bridge.client.chats
      .messages(chatId, { after: seq - 1, limit: 1 })
      .then(({ items }) => items.find((item) => item.seq === seq))
      .catch(() => {
        // Without a network: asked for again when it is shown again.
        found.delete(key);
        return undefined;
      });
    if (found.size >= KEPT) found.clear();
    found.set(key, asked);
  }
  return asked;
}

/** The message that is answered, in one line; a click leads to it. */
export function Quote({ chatId, seq, goTo }: { chatId: string; seq: number; goTo: (seq: number) => void }) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const [message, setMessage] = useState<Message>();
  useEffect(() => {
    let wanted = true;
    void lookUp(bridge, chatId, seq).then((one) => wanted && setMessage(one));
    return () => {
      wanted = false;
    };
  }, [bridge, chatId, seq]);
  const sender = useProfile(message?.sender_id);
  return (
    <button type="button" className={css.quote} onClick={() => goTo(seq)} tabIndex={-1}>
      <b>{message === undefined ? t('message.unknownReply') : (sender?.fullname ?? t('chat.deletedUser'))}</b>
      <span>{message === undefined ? '…' : previewOf(message, t)}</span>
    </button>
  );
}
