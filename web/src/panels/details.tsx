import type { ChatListItem, Member } from '@tideline/sdk';
import { Ban, MoreHorizontal, Shield, UserMinus, UserPlus } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { useBridge, useFace, useProfile, useSelf } from '../bridge/hooks.ts';
import { usePart } from '../bridge/store.ts';
import { openDialog } from '../dialogs/store.ts';
import { dateOf } from '../i18n/times.ts';
import { useChatActions } from '../list/chat-actions.tsx';
import { attempt, complain, complaint } from '../notify.ts';
import { Avatar } from '../ui/avatar.tsx';
import { type MenuEntry, openMenu } from '../ui/overlays.ts';
import { Button, cx, Field, fieldClass, IconButton, inputClass, labelClass } from '../ui/ui.tsx';
import { Invite } from './invite.tsx';
import { More, Timer } from './keeping.tsx';
import css from './panel.module.css';
import type { PanelProps } from './panel.tsx';
import { Shared } from './shared.tsx';

/** Who and what a conversation is, and what can be done with it. */
export function Details({ row, goTo, open }: PanelProps) {
  const { t } = useTranslation();
  const face = useFace(row);
  const actions = useChatActions(row);
  return (
    <>
      <div className={css.face}>
        <Avatar id={face.id} name={face.name} image={face.image} size={80} square={face.peer === undefined} />
        <h3>{face.name}</h3>
        <p>{t(`details.type.${row.type}`)}</p>
      </div>
      {row.type !== 'Single' && row.role !== 'member' && <Rename row={row} />}
      <ul className={css.actions}>
        {actions.map(({ id, label, icon, danger, run }) => (
          <li key={id}>
            <button type="button" className={cx(danger && css.danger)} onClick={run}>
              {icon}
              {label}
            </button>
          </li>
        ))}
      </ul>
      <More row={row} open={open} />
      <Notify row={row} />
      <Timer row={row} />
      <Shared row={row} goTo={goTo} />
      {row.type !== 'Single' && <Invite row={row} />}
      {row.type !== 'Single' && <Members row={row} />}
      <p className={css.note}>
        {t('details.created')} {dateOf(row.created_at)}
      </p>
    </>
  );
}

const LEVELS = ['all', 'mentions', 'none'] as const;

/** What of the conversation the user is told of while away, on all their devices. */
function Notify({ row }: { row: ChatListItem }) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const change = (value: string) => {
    const notify = LEVELS.find((level) => level === value);
    if (notify === undefined) return;
    bridge.chat(row.id).prefer({ notify }).catch(complain);
  };
  return (
    <label className={cx(fieldClass, css.notify)}>
      <span className={labelClass}>{t('details.notify')}</span>
      <select className={inputClass} value={row.notify ?? 'all'} onChange={({ target }) => change(target.value)}>
        {LEVELS.map((level) => (
          <option key={level} value={level}>
            {t(`details.notifyLevel.${level}`)}
          </option>
        ))}
      </select>
    </label>
  );
}

function Rename({ row }: { row: ChatListItem }) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const [name, setName] = useState(row.name ?? '');
  const [failure, setFailure] = useState<string>();
  async function save(event: FormEvent) {
    event.preventDefault();
    setFailure(undefined);
    try {
      await bridge.chat(row.id).update({ name: name.trim() });
    } catch (error) {
      setFailure(complaint(error));
    }
  }
  return (
    <form className={css.rename} onSubmit={(event) => void save(event)}>
      <Field
        label={t('details.name')}
        value={name}
        required
        maxLength={128}
        error={failure}
        onChange={(event) => setName(event.target.value)}
      />
      {name.trim() !== row.name && (
        <Button type="submit" look="primary">
          {t('details.save')}
        </Button>
      )}
    </form>
  );
}

function Members({ row }: { row: ChatListItem }) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const members = usePart(bridge.members, (all) => all.get(row.id));
  return (
    <section className={css.members} aria-labelledby="panel-members">
      <header>
        <h3 id="panel-members">
          {t('details.members')} <span>{row.member_count}</span>
        </h3>
        <IconButton
          label={t('details.addMembers')}
          onClick={() => openDialog({ name: 'add-members', to: { chat_id: row.id } })}
        >
          <UserPlus size={18} />
        </IconButton>
      </header>
      <ul>
        {(members ?? []).map((member) => (
          <MemberRow key={member.user_id} row={row} member={member} />
        ))}
      </ul>
    </section>
  );
}

function MemberRow({ row, member }: { row: ChatListItem; member: Member }) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const self = useSelf();
  const [, go] = useLocation();
  const profile = useProfile(member.user_id);
  const name = profile?.fullname ?? '…';
  const own = member.user_id === self.id;
  const write = () =>
    attempt(bridge.client.chats.create({ type: 'Single', members: [member.user_id] }).then(({ id }) => go(`/c/${id}`)));
  const chat = `/api/chats/${row.id}`;
  // Whoever may not is told so by the server: permissions differ by conversation.
  const entries = (): MenuEntry[] => [
    ...(['admin', 'moderator', 'member'] as const)
      .filter((role) => role !== member.role)
      .map((role) => ({
        id: role,
        label: t('details.makeRole', { role: t(`role.${role}`) }),
        icon: <Shield size={16} />,
        run: () => void attempt(bridge.request(`${chat}/members/${member.user_id}`, { method: 'PUT', body: { role } })),
      })),
    {
      id: 'remove',
      label: t('details.remove', { name }),
      icon: <UserMinus size={16} />,
      danger: true,
      run: () => void attempt(bridge.chat(row.id).removeMember(member.user_id)),
    },
    {
      id: 'ban',
      label: t('details.ban', { name }),
      icon: <Ban size={16} />,
      danger: true,
      run: () => void attempt(bridge.request(`${chat}/bans/${member.user_id}`, { method: 'PUT', body: {} })),
    },
  ];
  return (
    <li className={css.member}>
      <button
        type="button"
        className={css.person}
        disabled={own}
        title={own ? undefined : t('details.message', { name })}
        onClick={() => void write()}
      >
        <Avatar id={member.user_id} name={name} image={profile?.avatar} size={36} />
        <span>
          <b>
            {name} {own && <small>({t('details.you')})</small>}
          </b>
          <small>
            {member.role === 'member'
              ? t('details.joined', { when: dateOf(member.joined_at) })
              : t(`role.${member.role}`)}
          </small>
        </span>
      </button>
      {!own && row.role !== 'member' && member.role !== 'owner' && (
        <IconButton
          label={t('list.actions', { name })}
          aria-haspopup="menu"
          onClick={(event) => openMenu({ anchor: event.currentTarget, label: name, entries: entries() })}
        >
          <MoreHorizontal size={17} />
        </IconButton>
      )}
    </li>
  );
}
