import type { ChatListItem, Workspace, WorkspaceMember } from '@tideline/sdk';
import { Building2, Hash, Link2, Lock, MoreHorizontal, Plus, Shield, UserMinus, UserPlus } from 'lucide-react';
import { useCallback, useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'wouter';
import { useBridge, useProfile, useSelf, useSortedRows } from '../bridge/hooks.ts';
import { openDialog, WORKSPACE_CHANGED } from '../dialogs/store.ts';
import { fullTime } from '../i18n/times.ts';
import { complain } from '../notify.ts';
import { Avatar } from '../ui/avatar.tsx';
import { ask, type MenuEntry, openMenu, toast } from '../ui/overlays.ts';
import { Badge, Button, Empty, IconButton, inputClass } from '../ui/ui.tsx';
import { Screen } from './screen.tsx';
import css from './workspaces.module.css';

interface Page<T> {
  readonly items: readonly T[];
}

/** Loads now, and whenever something was changed from here. */
function useWorkspaceNews(load: () => void): void {
  useEffect(() => {
    load();
    window.addEventListener(WORKSPACE_CHANGED, load);
    return () => window.removeEventListener(WORKSPACE_CHANGED, load);
  }, [load]);
}

/** All workspaces of the user, or one of them. */
export default function Workspaces({ id }: { id: string | undefined }) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const [workspaces, setWorkspaces] = useState<readonly Workspace[]>();
  const load = useCallback(() => {
    bridge
      .request<Page<Workspace>>('/api/workspaces', { query: { limit: 200 } })
      .then((page) => setWorkspaces(page.items))
      .catch(complain);
  }, [bridge]);
  useWorkspaceNews(load);
  const chosen = workspaces?.find((workspace) => workspace.id === id);
  return (
    <Screen
      title={chosen?.name ?? t('workspace.title')}
      back={chosen === undefined ? '/' : '/w'}
      action={
        chosen === undefined && (
          <Button onClick={() => openDialog({ name: 'new', kind: 'workspace' })}>
            <Plus size={16} />
            {t('workspace.create')}
          </Button>
        )
      }
    >
      {chosen !== undefined ? (
        <OneWorkspace key={chosen.id} workspace={chosen} />
      ) : workspaces?.length === 0 ? (
        <Empty icon={<Building2 size={28} />} title={t('workspace.title')}>
          <p>{t('workspace.empty')}</p>
        </Empty>
      ) : (
        <ul className={css.cards}>
          {workspaces?.map((workspace) => (
            <li key={workspace.id}>
              <Link href={`/w/${workspace.id}`} className={css.card}>
                <Avatar id={workspace.id} name={workspace.name} size={46} square />
                <span>
                  <b>{workspace.name}</b>
                  <small>{workspace.description}</small>
                </span>
              </Link>
            </li>
          ))}
        </ul>
      )}
    </Screen>
  );
}

function OneWorkspace({ workspace }: { workspace: Workspace }) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const self = useSelf();
  const [, go] = useLocation();
  const rows = useSortedRows();
  const chats = useMemo(() => rows.filter((row) => row.workspace_id === workspace.id), [rows, workspace.id]);
  const [members, setMembers] = useState<readonly WorkspaceMember[]>([]);
  const path = `/api/workspaces/${workspace.id}`;
  // Guests do not see who else is in it, nor do they make conversations.
  const guest = workspace.role === 'guest';
  const load = useCallback(() => {
    if (guest) return;
    bridge
      .request<Page<WorkspaceMember>>(`${path}/members`, { query: { limit: 500 } })
      .then((page) => setMembers(page.items))
      .catch(complain);
  }, [bridge, path, guest]);
  useWorkspaceNews(load);

  const owner = workspace.role === 'owner';
  const manages = owner || workspace.role === 'admin';
  const end = async () => {
    const { name } = workspace;
    const question = owner
      ? { title: t('workspace.deleteAsk', { name }), text: t('workspace.deleteText'), action: t('workspace.delete') }
      : { title: t('workspace.leaveAsk', { name }), text: t('workspace.leaveText'), action: t('workspace.leave') };
    if (!(await ask(question))) return;
    if (owner) await bridge.client.workspaces.delete(workspace.id);
    else await bridge.client.workspaces.remove(workspace.id, self.id);
    window.dispatchEvent(new Event(WORKSPACE_CHANGED));
    if (!owner) go('/w');
  };
  const restore = async () => {
    await bridge.client.workspaces.restore(workspace.id);
    window.dispatchEvent(new Event(WORKSPACE_CHANGED));
  };

  return (
    <div className={css.one}>
      {workspace.description !== null && <p className={css.about}>{workspace.description}</p>}
      {workspace.deleting_at !== null && (
        <div className={css.ending} role="status">
          {t('workspace.deleting', { when: fullTime(workspace.deleting_at) })}
          {owner && <Button onClick={() => void restore().catch(complain)}>{t('workspace.restore')}</Button>}
        </div>
      )}
      <section aria-labelledby="workspace-chats">
        <header>
          <h2 id="workspace-chats">{t('workspace.channels')}</h2>
          {!guest && (
            <IconButton
              label={t('workspace.newChannel')}
              onClick={() => openDialog({ name: 'new', kind: 'channel', workspace_id: workspace.id })}
            >
              <Plus size={18} />
            </IconButton>
          )}
        </header>
        <ul>
          {chats.map((row) => (
            <li key={row.id}>
              <Link href={`/c/${row.id}`} className={css.line}>
                <ChannelIcon row={row} />
                <span>{row.name}</span>
                {row.unread > 0 && <Badge count={row.unread} label={t('list.unreadCount', { count: row.unread })} />}
              </Link>
            </li>
          ))}
        </ul>
      </section>
      {!guest && (
        <section aria-labelledby="workspace-members">
          <header>
            <h2 id="workspace-members">
              {t('workspace.members')} <small>{members.length}</small>
            </h2>
            {manages && (
              <IconButton
                label={t('workspace.add')}
                onClick={() => openDialog({ name: 'add-members', to: { workspace_id: workspace.id } })}
              >
                <UserPlus size={18} />
              </IconButton>
            )}
          </header>
          <ul>
            {members.map((member) => (
              <WorkspaceMemberRow key={member.user_id} workspace={workspace} member={member} changed={load} />
            ))}
          </ul>
        </section>
      )}
      {!guest && <InviteLink workspace={workspace} />}
      {!(owner && workspace.deleting_at !== null) && (
        <Button look="danger" onClick={() => void end().catch(complain)}>
          {owner ? t('workspace.delete') : t('workspace.leave')}
        </Button>
      )}
    </div>
  );
}

function ChannelIcon({ row }: { row: ChatListItem }) {
  const Icon = row.type === 'PublicChannel' ? Hash : Lock;
  return <Icon size={17} aria-hidden="true" />;
}

/** A link that lets people in for a week: as members or, without the conversations of everybody, as guests. */
function InviteLink({ workspace }: { workspace: Workspace }) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const [link, setLink] = useState<string>();
  const make = async (role: 'member' | 'guest') => {
    const { code } = await bridge.client.workspaces.invite(workspace.id, { role });
    const made = `${location.origin}/join#${code}`;
    setLink(made);
    await navigator.clipboard.writeText(made).then(
      () => toast(t('message.copied')),
      // Without permission to write there it is copied by hand.
      () => undefined,
    );
  };
  return (
    <div className={css.ask}>
      <div className={css.buttons}>
        {(['member', 'guest'] as const).map((role) => (
          <Button key={role} onClick={() => void make(role).catch(complain)}>
            <Link2 size={16} />
            {t('workspace.invite', { role: t(`role.${role}`) })}
          </Button>
        ))}
      </div>
      {link !== undefined && <input className={inputClass} readOnly value={link} aria-label={t('join.link')} />}
    </div>
  );
}

interface MemberRowProps {
  workspace: Workspace;
  member: WorkspaceMember;
  changed: () => void;
}

const ROLES = ['owner', 'admin', 'member', 'guest'] as const;

function WorkspaceMemberRow({ workspace, member, changed }: MemberRowProps) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const self = useSelf();
  const profile = useProfile(member.user_id);
  const name = profile?.fullname ?? '…';
  const { workspaces } = bridge.client;
  // Admins decide on members and guests; whoever may not is told so by the server.
  const given = workspace.role === 'owner' ? ROLES : ROLES.slice(2);
  const manages = workspace.role === 'owner' || workspace.role === 'admin';
  const decides = member.user_id !== self.id && manages && given.includes(member.role);
  const entries = (): MenuEntry[] => [
    ...given
      .filter((role) => role !== member.role)
      .map((role) => ({
        id: role,
        label: t('details.makeRole', { role: t(`role.${role}`) }),
        icon: <Shield size={16} />,
        run: () => void workspaces.setRole(workspace.id, member.user_id, role).then(changed, complain),
      })),
    {
      id: 'remove',
      label: t('details.remove', { name }),
      icon: <UserMinus size={16} />,
      danger: true,
      run: () => void workspaces.remove(workspace.id, member.user_id).then(changed, complain),
    },
  ];
  return (
    <li className={css.line}>
      <Avatar id={member.user_id} name={name} image={profile?.avatar} size={32} />
      <span>{name}</span>
      <small>{t(`role.${member.role}`)}</small>
      {decides && (
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
