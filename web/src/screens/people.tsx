import type { Contact, Profile } from '@tideline/sdk';
import { Ban, Check, MessageCircle, MoreHorizontal, UserMinus, UserPlus, UsersRound, X } from 'lucide-react';
import { type FormEvent, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { useBridge, useProfile } from '../bridge/hooks.ts';
import { usePart, useStore } from '../bridge/store.ts';
import { PeopleField } from '../dialogs/people-field.tsx';
import { shortTime } from '../i18n/times.ts';
import { attempt } from '../notify.ts';
import { Avatar } from '../ui/avatar.tsx';
import { openMenu } from '../ui/overlays.ts';
import { Button, Empty, IconButton } from '../ui/ui.tsx';
import { Screen } from './screen.tsx';
import css from './workspaces.module.css';

const GROUPS = ['received', 'friend', 'sent', 'blocked'] as const;
type Group = (typeof GROUPS)[number];

const groupOf = (contact: Contact): Group | undefined => {
  if (contact.blocked) return 'blocked';
  return contact.state === 'none' ? undefined : contact.state;
};

/** Friends, those who ask to be, and those who are kept away. */
export default function People() {
  const { t } = useTranslation();
  const contacts = useStore(useBridge().contacts);
  const groups = useMemo(() => Map.groupBy(contacts.values(), groupOf), [contacts]);
  const shown = GROUPS.filter((name) => (groups.get(name)?.length ?? 0) > 0);
  return (
    <Screen title={t('people.title')} back="/">
      <div className={css.one}>
        <Ask />
        {shown.map((name) => (
          <section key={name} aria-labelledby={`people-${name}`}>
            <header>
              <h2 id={`people-${name}`}>
                {t(`people.${name}`)} <small>{groups.get(name)?.length}</small>
              </h2>
            </header>
            <ul>
              {groups.get(name)?.map((contact) => (
                <PersonRow key={contact.user_id} contact={contact} />
              ))}
            </ul>
          </section>
        ))}
        {shown.length === 0 && (
          <Empty icon={<UsersRound size={28} />} title={t('people.empty')}>
            <p>{t('people.emptyText')}</p>
          </Empty>
        )}
      </div>
    </Screen>
  );
}

function Ask() {
  const { t } = useTranslation();
  const bridge = useBridge();
  const [people, setPeople] = useState<readonly Profile[]>([]);
  async function submit(event: FormEvent) {
    event.preventDefault();
    const [person] = people;
    if (person === undefined) return;
    const asked = await attempt(bridge.request('/api/friend-requests', { body: { user_id: person.id } }));
    if (asked) setPeople([]);
  }
  return (
    <form className={css.ask} onSubmit={(event) => void submit(event)}>
      <PeopleField people={people} onChange={setPeople} one />
      {people.length > 0 && (
        <Button type="submit" look="primary">
          <UserPlus size={16} />
          {t('people.ask')}
        </Button>
      )}
    </form>
  );
}

function PersonRow({ contact }: { contact: Contact }) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const [, go] = useLocation();
  const { user_id: id, state, blocked, remark, request } = contact;
  const profile = useProfile(id);
  const online = usePart(bridge.presence, (all) => all.get(id)?.state === 'online');
  const name = remark ?? profile?.fullname ?? '…';
  const call = (path: string, method: 'DELETE' | 'POST' | 'PUT') => () =>
    void attempt(bridge.request(path, { method }));
  const write = () =>
    void attempt(bridge.client.chats.create({ type: 'Single', members: [id] }).then((chat) => go(`/c/${chat.id}`)));
  const block = {
    id: 'block',
    label: blocked ? t('people.unblock') : t('people.block'),
    icon: <Ban size={16} />,
    danger: !blocked,
    run: call(`/api/blocks/${id}`, blocked ? 'DELETE' : 'PUT'),
  };
  const end = {
    id: 'end',
    label: t('people.end'),
    icon: <UserMinus size={16} />,
    danger: true,
    run: call(`/api/friends/${id}`, 'DELETE'),
  };
  return (
    <li className={css.line}>
      <Avatar id={id} name={name} image={profile?.avatar} size={36} online={online} />
      <span>
        {name}
        {request !== null && <small> {request.text || shortTime(request.created_at)}</small>}
      </span>
      {state === 'received' && !blocked && (
        <IconButton label={t('people.accept', { name })} onClick={call(`/api/friend-requests/${id}/accept`, 'POST')}>
          <Check size={18} />
        </IconButton>
      )}
      {(state === 'received' || state === 'sent') && !blocked && (
        <IconButton
          label={state === 'sent' ? t('people.takeBack', { name }) : t('people.reject', { name })}
          onClick={call(`/api/friend-requests/${id}`, 'DELETE')}
        >
          <X size={18} />
        </IconButton>
      )}
      {state === 'friend' && !blocked && (
        <IconButton label={t('details.message', { name })} onClick={write}>
          <MessageCircle size={18} />
        </IconButton>
      )}
      <IconButton
        label={t('list.actions', { name })}
        aria-haspopup="menu"
        onClick={(event) =>
          openMenu({
            anchor: event.currentTarget,
            label: t('list.actions', { name }),
            entries: state === 'friend' ? [end, block] : [block],
          })
        }
      >
        <MoreHorizontal size={18} />
      </IconButton>
    </li>
  );
}
