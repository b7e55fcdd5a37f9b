import { useEffect } from 'react';
import { useLocation } from 'wouter';
import { useBridge } from './bridge/hooks.ts';
import { useStore } from './bridge/store.ts';
import { Dialogs } from './dialogs/dialogs.tsx';
import { Auth } from './screens/auth.tsx';
import { Shell } from './screens/shell.tsx';
import { Overlays } from './ui/overlays-root.tsx';

export function App() {
  const { user } = useStore(useBridge().session);
  useNotificationClicks();
  if (user === undefined) return null;
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
