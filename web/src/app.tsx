import { lazy, Suspense, useEffect } from 'react';
import { useLocation } from 'wouter';
import { useBridge } from './bridge/hooks.ts';
import { useStore } from './bridge/store.ts';
import { Dialogs } from './dialogs/dialogs.tsx';
import { emptyTrays } from './files/tray.ts';
import { forgetFiles } from './files/use-file.ts';
import { Auth } from './screens/auth.tsx';
import { Shell } from './screens/shell.tsx';
import { settings } from './settings/store.ts';
import { Overlays } from './ui/overlays-root.tsx';

const Recovery = lazy(() => import('./screens/recovery.tsx'));

/** Pages that mails lead to: for those who are signed in, and those who are not. */
const BY_MAIL = ['/forgot', '/reset', '/verify'];

export function App() {
  const bridge = useBridge();
  const { user } = useStore(bridge.session);
  const [path] = useLocation();
  useNotificationClicks();
  useEffect(() => {
    if (user === undefined) return;
    if (user === null) {
      emptyTrays();
      forgetFiles();
    } else if (settings.get().notify) {
      // The subscription is the session's: a new one has none yet.
      void import('./push.ts').then(({ subscribe }) => subscribe(bridge)).catch(() => undefined);
    }
  }, [bridge, user]);
  if (user === undefined) return null;
  if (BY_MAIL.includes(path)) {
    return (
      <Suspense>
        <Recovery key={path} page={path} />
      </Suspense>
    );
  }
  return (
    <>
      {user === null ? <Auth /> : <Shell key={user.id} />}
      {user !== null && <Dialogs />}
      <Overlays />
    </>
  );
}

/** The service worker names the conversation whose notification was clicked. */
function useNotificationClicks(): void {
  const [, go] = useLocation();
  useEffect(() => {
    const listen = ({ data }: MessageEvent<{ t?: unknown; path?: unknown }>) => {
      if (data.t === 'navigate' && typeof data.path === 'string') go(data.path);
    };
    navigator.serviceWorker?.addEventListener('message', listen);
    return () => navigator.serviceWorker?.removeEventListener('message', listen);
  }, [go]);
}
