import type { ChatListItem, Message } from '@tideline/sdk';
import { X } from 'lucide-react';
import { type ComponentType, useEffect, useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import { threadOf } from '../messages/place.ts';
import { IconButton } from '../ui/ui.tsx';
import { Details } from './details.tsx';
import css from './panel.module.css';
import { Pins } from './pins.tsx';
import { Scheduled } from './scheduled.tsx';
import { Search } from './search.tsx';
import type { PanelRequest } from './store.ts';
import { Thread } from './thread.tsx';
import { Threads } from './threads.tsx';

export interface PanelProps {
  row: ChatListItem;
  panel: PanelRequest;
  /** Shows a message among the others; one that stands in a thread alone, there. */
  goTo: (seq: number, message?: Message) => void;
  /** Shows another panel in the place of this one. */
  open: (panel: PanelRequest) => void;
}

/** What can stand beside a conversation. One more: an entry here, and in `PanelRequest`. */
const PANELS: Record<
  PanelRequest['name'],
  { title: `${'panel' | 'details' | 'threads' | 'schedule'}.${string}`; content: ComponentType<PanelProps> }
> = {
  details: { title: 'details.title', content: Details },
  search: { title: 'panel.search', content: Search },
  pins: { title: 'panel.pins', content: Pins },
  thread: { title: 'panel.thread', content: Thread },
  threads: { title: 'threads.title', content: Threads },
  scheduled: { title: 'schedule.list', content: Scheduled },
};

/** As the style sheet has it. */
const NARROW = matchMedia('(max-width: 1100px)');
function follow(listener: () => void): () => void {
  NARROW.addEventListener('change', listener);
  return () => NARROW.removeEventListener('change', listener);
}

/** What belongs to a conversation beside its messages. */
export default function Panel({ onClose, ...props }: PanelProps & { onClose: () => void }) {
  const { t } = useTranslation();
  const { title, content: Content } = PANELS[props.panel.name];
  const show = (seq: number, message?: Message) => {
    const thread = message && threadOf(message);
    if (thread === undefined) props.goTo(seq);
    else props.open({ name: 'thread', seq: thread });
  };
  // Another thread is another content: nothing of the last one stays.
  const key = props.panel.name === 'thread' ? props.panel.seq : props.panel.name;
  const text = t(title as 'details.title');
  const over = useSyncExternalStore(follow, () => NARROW.matches);
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const above = document.querySelector('[role=menu], [role=dialog], [role=alertdialog]');
      if (event.key === 'Escape' && !event.defaultPrevented && above === null) onClose();
    };
    window.addEventListener('keydown', listen);
    return () => window.removeEventListener('keydown', listen);
  }, [onClose]);
  return (
    <aside className={css.panel} aria-label={text}>
      <header className={css.head}>
        {/* Where it is over the conversation, its title is that of the page. */}
        <h2 aria-level={over ? 1 : 2}>{text}</h2>
        <IconButton label={t('panel.close')} onClick={onClose}>
          <X size={18} />
        </IconButton>
      </header>
      <div className={css.scroll}>
        <Content key={key} {...props} goTo={show} />
      </div>
    </aside>
  );
}
