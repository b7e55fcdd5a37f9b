import type { ChannelEntry } from '@tideline/sdk';
import { Hash } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { useBridge } from '../bridge/hooks.ts';
import { useStore } from '../bridge/store.ts';
import { complain } from '../notify.ts';
import { Avatar } from '../ui/avatar.tsx';
import { Button, Empty, Field } from '../ui/ui.tsx';
import { Screen } from './screen.tsx';
import css from './workspaces.module.css';

/** The server is asked when nothing was typed for this long, ms. */
const PAUSE = 250;

/** Public channels: found by name, and joined. */
export default function Channels() {
  const { t } = useTranslation();
  const bridge = useBridge();
  const rows = useStore(bridge.rows);
  const [, go] = useLocation();
  const [query, setQuery] = useState('');
  const [found, setFound] = useState<readonly ChannelEntry[]>();
  const [asked, setAsked] = useState<ReadonlySet<string>>(new Set());

  useEffect(() => {
    let wanted = true;
    const timer = setTimeout(() => {
      const q = query.trim();
      bridge
        .request<{ items: ChannelEntry[] }>('/api/channels', { query: { limit: 50, ...(q === '' ? {} : { q }) } })
        .then(({ items }) => wanted && setFound(items))
        .catch(complain);
    }, PAUSE);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [bridge, query]);

  async function enter({ id, join_policy }: ChannelEntry) {
    try {
      if (!rows.has(id) && join_policy === 'approval') {
        await bridge.request(`/api/chats/${id}/requests`, { body: {} });
        setAsked(new Set(asked).add(id));
        return;
      }
      if (!rows.has(id)) await bridge.chat(id).join();
      go(`/c/${id}`);
    } catch (error) {
      complain(error);
    }
  }

  const label = ({ id, join_policy }: ChannelEntry) => {
    if (rows.has(id)) return t('channels.open');
    if (join_policy !== 'approval') return t('channels.join');
    return asked.has(id) ? t('channels.asked') : t('channels.ask');
  };

  return (
    <Screen title={t('channels.title')} back="/">
      <div className={css.one}>
        <Field
          className={css.wide}
          label={t('channels.search')}
          type="search"
          value={query}
          onChange={(event) => setQuery(event.target.value)}
        />
        {found?.length === 0 && <Empty icon={<Hash size={28} />} title={t('channels.none')} />}
        <ul className={css.wide}>
          {found?.map((channel) => (
            <li key={channel.id} className={css.line}>
              <Avatar id={channel.id} name={channel.name} size={36} square />
              <span>
                <b>{channel.name}</b>{' '}
                <small>
                  {t('chat.members', { count: channel.member_count })}
                  {channel.topic !== null && ` · ${channel.topic}`}
                </small>
              </span>
              <Button onClick={() => void enter(channel)} disabled={asked.has(channel.id)}>
                {label(channel)}
              </Button>
            </li>
          ))}
        </ul>
      </div>
    </Screen>
  );
}
