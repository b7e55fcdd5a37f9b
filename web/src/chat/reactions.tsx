import { useTranslation } from 'react-i18next';
import { useBridge } from '../bridge/hooks.ts';
import type { ShownMessage } from '../core/protocol.ts';
import { react } from '../messages/changes.ts';
import css from './chat.module.css';

/** Offered at once; any other emoji is a reaction, too. */
export const QUICK = ['👍', '❤️', '😂', '🎉', '😮', '😢'] as const;

/** What people said to a message in one emoji. A press joins them, or takes one's own back. */
export function Reactions({ message }: { message: ShownMessage }) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const { chat_id, seq, reactions = [] } = message;
  if (seq === null || reactions.length === 0) return null;
  return (
    <div className={css.reactions}>
      {reactions.map(({ emoji, count, mine }) => (
        <button
          key={emoji}
          type="button"
          aria-pressed={mine === true}
          aria-label={t('message.reaction', { emoji, count })}
          onClick={() => void react(bridge, chat_id, seq, emoji, mine !== true)}
        >
          <span aria-hidden="true">{emoji}</span>
          <span aria-hidden="true">{count}</span>
        </button>
      ))}
    </div>
  );
}
