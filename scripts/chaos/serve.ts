// The server of `npm run chaos`, started by it in a process of its own: as `npm start`, with the Worker of CHAOS_BUNDLE.
import { readFileSync } from 'node:fs';
import type { Module } from '../bundle.ts';
import { lockState } from '../local/lock.ts';
import { onParentGone } from '../local/parent.ts';
import { startServer } from '../local/server.ts';
import { readSettings } from '../local/settings.ts';
import { makeStateFolder } from '../local/state-folder.ts';

/** Modules as JSON: contents in base64. */
export interface StoredModule extends Omit<Module, 'contents'> {
  contents: string;
}

const stored = JSON.parse(readFileSync(process.env.CHAOS_BUNDLE ?? '', 'utf8')) as StoredModule[];
const modules = stored.map((module) => ({
  ...module,
  contents: new Uint8Array(Buffer.from(module.contents, 'base64')),
}));

const settings = readSettings(process.env, process.cwd());
const dataDir = await makeStateFolder(settings.stateDir);
const lock = lockState(settings.stateDir);
process.on('exit', () => lock.release());
const server = await startServer(settings, dataDir, process.env, { modules, flags: ['unsafe_module'] });
const stop = () => {
  server.stop().then(
    () => process.exit(0),
    () => process.exit(1),
  );
};
process.on('SIGTERM', stop);
onParentGone(stop);
process.send?.({ url: server.url });
