// `npm run build`: the Worker's modules in dist/worker, static files in dist/assets.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { bundleWorker, copyDocsAssets, ROOT } from './bundle.ts';
import { readConfigFile } from './local/config-file.ts';

const { main } = await readConfigFile(ROOT);
await rm(join(ROOT, 'dist', 'worker'), { recursive: true, force: true });
const modules = await bundleWorker(main);
for (const { path, contents } of modules) {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, contents);
  const kib = (bytes: number) => `${(bytes / 1024).toFixed(1)} KiB`;
  console.log(`${relative(ROOT, path)}  ${kib(contents.byteLength)}, ${kib(gzipSync(contents).byteLength)} compressed`);
}
await copyDocsAssets();
