import type { Port } from '../core/core.ts';
import type { FromCore } from '../core/protocol.ts';
import { Bridge } from './bridge.ts';

/** Connects this tab to the core: in the worker that all tabs share or, in a browser without such workers, in the tab. */
export function connectCore(): Bridge {
  const port = 'SharedWorker' in globalThis ? sharedPort() : ownPort();
  const bridge = new Bridge(port);
  port.onmessage = ({ data }: MessageEvent<FromCore>) => bridge.receive(data);

  holdLock((lock) => port.postMessage({ t: 'hello', lock }));
  const tell = () => bridge.setVisible(document.visibilityState === 'visible' && document.hasFocus());
  for (const type of ['focus', 'blur', 'online']) window.addEventListener(type, tell);
  document.addEventListener('visibilitychange', tell);
  tell();
  return bridge;
}

function sharedPort(): MessagePort {
  return new SharedWorker(new URL('../core/worker.ts', import.meta.url), { type: 'module', name: 'tideline' }).port;
}

function ownPort(): MessagePort {
  const { port1, port2 } = new MessageChannel();
  const end: Port & MessagePort = Object.assign(port2);
  void Promise.all([import('../core/core.ts'), import('../core/device.ts')]).then(
    async ([{ Core }, { deviceName }]) => {
      const core = await Core.start(location.origin, deviceName(navigator.userAgent));
      core.attach(end);
    },
  );
  return port1;
}

/** The core asks for this lock once the tab holds it, and gets it when the tab is gone. Absent in insecure contexts. */
function holdLock(held: (name: string) => void): void {
  if (!('locks' in navigator)) return;
  const name = `tab/${crypto.randomUUID()}`;
  void navigator.locks.request(name, () => {
    held(name);
    return new Promise<never>(() => undefined);
  });
}
