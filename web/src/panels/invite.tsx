import type { ChatListItem, JoinRequest } from '@tideline/sdk';
import { Check, Link2, X } from 'lucide-react';
import { useCallback, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useBridge, useProfile } from '../bridge/hooks.ts';
import { complain } from '../notify.ts';
import { Avatar } from '../ui/avatar.tsx';
import { toast } from '../ui/overlays.ts';
import { Button, IconButton, inputClass } from '../ui/ui.tsx';
import css from './panel.module.css';

/** A link lets people in for this long; ms. */
const GOOD_FOR = 7 * 24 * 60 * 60_000;

/** How others come in: links, and those who ask. */
export function Invite({ row }: { row: ChatListItem }) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const [link, setLink] = useState<string>();
  async function make() {
    try {
      const expires_at = new Date(Date.now() + GOOD_FOR).toISOString();
      const { code } = await bridge.request<{ code: string }>(`/api/chats/${row.id}/invitations`, {
        body: { expires_at },
      });
      const made = `${location.origin}/join#${code}`;
      setLink(made);
      await navigator.clipboard.writeText(made).then(
        () => toast(t('message.copied')),
        // Without permission to write there it is copied by hand.
        () => undefined,
      );
    } catch (error) {
      complain(error);
    }
  }
  return (
    <div className={css.invite}>
      <Button onClick={() => void make()}>
        <Link2 size={16} />
        {t('join.make')}
      </Button>
      {link !== undefined && <input className={inputClass} readOnly value={link} aria-label={t('join.link')} />}
      {row.role !== 'member' && <Requests row={row} />}
    </div>
  );
}

function Requests({ row }: { row: ChatListItem }) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const [requests, setRequests] = useState<readonly JoinRequest[]>([]);
  const load = useCallback(() => {
    bridge
      .request<{ items: JoinRequest[] }>(`/api/chats/${row.id}/requests`)
      .then(({ items }) => setRequests(items))
      // Who may not see them has none to decide.
      .catch(() => setRequests([]));
  }, [bridge, row.id]);
  useEffect(load, [load]);
  const decide = (userId: string, decision: 'accept' | 'reject') =>
    void bridge
      .request(`/api/chats/${row.id}/requests/${userId}`, { method: 'PUT', body: { decision } })
      .then(load)
      .catch(complain);
  if (requests.length === 0) return null;
  return (
    <ul aria-label={t('join.requests')}>
      {requests.map(({ user_id, text }) => (
        <Asking key={user_id} id={user_id} text={text} decide={decide} />
      ))}
    </ul>
  );
}

interface AskingProps {
  id: string;
  text: string | null;
  decide: (userId: string, decision: 'accept' | 'reject') => void;
}

function Asking({ id, text, decide }: AskingProps) {
  const { t } = useTranslation();
  const profile = useProfile(id);
  const name = profile?.fullname ?? '…';
  return (
    <li className={css.asking}>
      <Avatar id={id} name={name} image={profile?.avatar} size={32} />
      <span>
        {t('join.wants', { name })} <small>{text}</small>
      </span>
      <IconButton label={t('people.accept', { name })} onClick={() => decide(id, 'accept')}>
        <Check size={18} />
      </IconButton>
      <IconButton label={t('people.reject', { name })} onClick={() => decide(id, 'reject')}>
        <X size={18} />
      </IconButton>
    </li>
  );
}
