// The shared worker: it starts with the first tab, and ends with the last.
import { Core, type Port } from './core.ts';
import { deviceName } from './device.ts';

interface SharedScope {
  onconnect: ((event: MessageEvent) => void) | null;
}

const scope: typeof globalThis & Partial<SharedScope> = globalThis;
const started = Core.start(location.origin, deviceName(navigator.userAgent));

scope.onconnect = ({ ports: [port] }: MessageEvent) => {
  if (port === undefined) return;
  // What the tab says before the core has read its storage waits in the port.
  void started.then((core) => core.attach(port satisfies Port));
};
