import type { Message, Quote as Quoted } from '@tideline/sdk';
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

interface Props {
  chatId: string;
  seq: number;
  /** What the message itself has of it; without a text the message that is answered is looked up. */
  quoted: Quoted | undefined;
  goTo: (seq: number) => void;
}

/** The message that is answered, in one line, or the piece of it; a click leads to it. */
export function Quote({ chatId, seq, quoted, goTo }: Props) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const [message, setMessage] = useState<Message>();
  const known = quoted !== undefined && quoted.kind === 'text' && quoted.text !== '';
  useEffect(() => {
    if (known) return;
    let wanted = true;
    void lookUp(bridge, chatId, seq).then((one) => wanted && setMessage(one));
    return () => {
      wanted = false;
    };
  }, [bridge, chatId, seq, known]);
  const senderId = known ? quoted.sender_id : message?.sender_id;
  const sender = useProfile(senderId);
  return (
    <button type="button" className={css.quote} onClick={() => goTo(seq)} tabIndex={-1}>
      <b>{senderId === undefined ? t('message.unknownReply') : (sender?.fullname ?? t('chat.deletedUser'))}</b>
      <span>{known ? quoted.text : message === undefined ? '…' : previewOf(message, t)}</span>
    </button>
  );
}
