import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { build as bundle } from 'esbuild';
import { defineConfig, type Plugin } from 'vite';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const SDK = join(HERE, '../sdk/src');

export default defineConfig({
  root: HERE,
  plugins: [react(), serviceWorker()],
  resolve: {
    alias: [
      { find: /^@tideline\/sdk$/, replacement: join(SDK, 'index.ts') },
      { find: /^@tideline\/sdk\/indexeddb$/, replacement: join(SDK, 'indexeddb.ts') },
    ],
  },
  worker: { format: 'es' },
  build: {
    outDir: join(HERE, '../dist/web'),
    emptyOutDir: true,
    assetsDir: 'app',
    // The policy of the page allows no `data:` scripts or styles, and small files cost little over one connection.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    manifest: false,
  },
  server: {
    port: 5173,
    proxy: { '/api': { target: process.env.TIDELINE_URL ?? 'http://127.0.0.1:8787', ws: true, changeOrigin: true } },
  },
});

/** Writes `/sw.js`: the service worker with the names of the files that belong to this build. */
function serviceWorker(): Plugin {
  return {
    name: 'service-worker',
    apply: 'build',
    async generateBundle(_, output) {
      const made = Object.values(output);
      // Maps and the page itself are left out; the page is kept under its address.
      const files = made.map(({ fileName }) => `/${fileName}`).filter((name) => !/\.(html|map)$/.test(name));
      const fixed = readdirSync(join(HERE, 'public')).filter((name) => name !== '_headers');
      const hash = createHash('sha256').update(files.join());
      for (const name of fixed) hash.update(readFileSync(join(HERE, 'public', name)));
      for (const item of made) if (item.fileName.endsWith('.html') && item.type === 'asset') hash.update(item.source);
      const all = ['/', ...files, ...fixed.map((name) => `/${name}`)];
      const { outputFiles } = await bundle({
        entryPoints: [join(HERE, 'sw/sw.ts')],
        bundle: true,
        write: false,
        minify: true,
        format: 'iife',
        target: 'es2022',
        define: {
          'self.__FILES': JSON.stringify(all),
          'self.__VERSION': JSON.stringify(hash.digest('hex').slice(0, 12)),
        },
      });
      this.emitFile({ type: 'asset', fileName: 'sw.js', source: outputFiles[0]?.text ?? '' });
    },
  };
}
