import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { connectCore } from './bridge/connect.ts';
import { BridgeContext } from './bridge/hooks.ts';
import { syncDrafts } from './chat/draft-sync.ts';
import { startLanguage } from './i18n/i18n.ts';
import { failureText, showNotification } from './notify.ts';
import { followSettings } from './settings/store.ts';
import { toast } from './ui/overlays.ts';
import './styles/base.css';

// The core is asked before anything is drawn: what it has stored is on its way while the page is made.
const bridge = connectCore();
bridge.onFault = (failure) => toast(failureText(failure));
bridge.onNotify = (message) => void showNotification(bridge, message);
followSettings();
syncDrafts(bridge);

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
void startLanguage().then(() =>
  createRoot(root).render(
    <BridgeContext value={bridge}>
      <App />
    </BridgeContext>,
  ),
);

if ('serviceWorker' in navigator && import.meta.env.PROD) {
  // Without it (an insecure context) the client works, though not without a network.
  window.addEventListener('load', () => void navigator.serviceWorker.register('/sw.js').catch(() => undefined));
}
