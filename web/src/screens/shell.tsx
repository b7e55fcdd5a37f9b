import type { ChatListItem } from '@tideline/sdk';
import { MessagesSquare, WifiOff } from 'lucide-react';
import { type ComponentType, lazy, Suspense, useEffect, useState } from 'react';
import { Trans, useTranslation } from 'react-i18next';
import { useLocation, useRoute } from 'wouter';
import { useBridge, useSelf } from '../bridge/hooks.ts';
import { useStore } from '../bridge/store.ts';
import { ChatScreen } from '../chat/chat-screen.tsx';
import { Sidebar } from '../list/sidebar.tsx';
import { useShortcuts } from '../shortcuts.ts';
import { Empty, Keys, Spinner } from '../ui/ui.tsx';
import css from './shell.module.css';

const Workspaces = lazy(() => import('./workspaces.tsx'));
const PAGES: Readonly<Record<string, ComponentType>> = {
  '/people': lazy(() => import('./people.tsx')),
  '/channels': lazy(() => import('./channels.tsx')),
  '/search': lazy(() => import('./search.tsx')),
  '/saved': lazy(() => import('./saved.tsx')),
  '/join': lazy(() => import('./join.tsx')),
};

/** A connection that is back within this time was never missed; ms. */
const PATIENCE = 2_000;

/** Everything of a signed-in user: the list beside what is open. On narrow screens one of the two. */
export function Shell() {
  const { t } = useTranslation();
  const [path, go] = useLocation();
  const [inChat, chat] = useRoute('/c/:id');
  const [inWorkspaces, workspace] = useRoute('/w/:id?');
  useShortcuts();
  useTitle();
  useEffect(() => {
    if (path === '/signin' || path === '/signup') go('/', { replace: true });
  }, [path, go]);
  const Page = PAGES[path];
  const chosen = inChat || inWorkspaces || Page !== undefined;
  return (
    <div className={css.shell} data-chosen={chosen}>
      <a className="skip" href="#main">
        {t('app.skip')}
      </a>
      <Sidebar />
      <main className={css.main} id="main" tabIndex={-1}>
        <ConnectionBar />
        {inChat && <ChatScreen key={chat.id} id={chat.id} />}
        {inWorkspaces && (
          <Suspense fallback={<Spinner label={t('common.loading')} />}>
            <Workspaces id={workspace.id} />
          </Suspense>
        )}
        {Page !== undefined && (
          <Suspense fallback={<Spinner label={t('common.loading')} />}>
            <Page />
          </Suspense>
        )}
        {!chosen && (
          <div className={css.nothing}>
            <Empty icon={<MessagesSquare size={30} />} title={t('chat.choose')}>
              <p>
                <Trans i18nKey="chat.chooseText" components={{ keys: <Keys keys="Ctrl K" /> }} />
              </p>
            </Empty>
          </div>
        )}
      </main>
    </div>
  );
}

function ConnectionBar() {
  const { t } = useTranslation();
  const bridge = useBridge();
  const state = useStore(bridge.connection);
  const [late, setLate] = useState(false);
  useEffect(() => {
    if (state === 'online') return setLate(false);
    const timer = setTimeout(() => setLate(true), PATIENCE);
    return () => clearTimeout(timer);
  }, [state]);
  if (state === 'online' || !late) return null;
  return (
    <div className={css.connection} role="status">
      <WifiOff size={15} aria-hidden="true" />
      {t('connection.offline')}
      <button type="button" onClick={() => bridge.setVisible(true)}>
        {t('connection.retry')}
      </button>
    </div>
  );
}

const isWaiting = (row: ChatListItem): boolean =>
  !row.archived && ((row.muted ? row.mentions : row.unread) > 0 || row.marked_unread);

/** The number of conversations with something unread, in the title and on the icon of an installed client. */
function useTitle(): void {
  const bridge = useBridge();
  const rows = useStore(bridge.rows);
  useSelf();
  useEffect(() => {
    const waiting = [...rows.values()].filter((row) => isWaiting(row));
    document.title = waiting.length > 0 ? `(${waiting.length}) Tideline` : 'Tideline';
    const { setAppBadge, clearAppBadge } = navigator as Partial<Navigator>;
    const badge = waiting.length > 0 ? setAppBadge?.call(navigator, waiting.length) : clearAppBadge?.call(navigator);
    badge?.catch(() => undefined);
  }, [rows]);
}
