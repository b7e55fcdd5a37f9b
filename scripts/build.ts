// `npm run build`: the Worker's modules in dist/worker, static files and the web client in dist/assets.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { bundleWorker, copyDocsAssets, ROOT } from './bundle.ts';
import { readConfigFile } from './local/config-file.ts';
import { buildWeb, checkFirstLoad } from './web.ts';

const kib = (bytes: number) => `${(bytes / 1024).toFixed(1)} KiB`;
const { main } = await readConfigFile(ROOT);
await rm(join(ROOT, 'dist', 'worker'), { recursive: true, force: true });
const modules = await bundleWorker(main);
for (const { path, contents } of modules) {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, contents);
  console.log(`${relative(ROOT, path)}  ${kib(contents.byteLength)}, ${kib(gzipSync(contents).byteLength)} compressed`);
}
await copyDocsAssets();
await buildWeb();
const { files, bytes } = await checkFirstLoad();
for (const file of files) console.log(`dist/assets${file.name}  ${kib(file.bytes)} compressed`);
console.log(`JavaScript of the client's first load: ${kib(bytes)} compressed`);
