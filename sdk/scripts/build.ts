// Builds the package into dist/: ES modules by esbuild, declarations by tsc. The wire's types are inferred from schemas
// in the source; in the package they are written out, so that it needs no schema library. Safe beside another build, and
// beside whoever uses what was built before.
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { Project, ts } from 'ts-morph';

const SDK = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const ROOT = dirname(SDK);
const DIST = join(SDK, 'dist');
/** Where this build is made: beside the package's folder, so that paths out of it are the same. */
const DRAFT = join(SDK, `dist.${process.pid}`);
const TYPES = join(DRAFT, 'types');
const PROTOCOL = join(TYPES, 'src/protocol');
const ENTRIES = ['index', 'indexeddb', 'node'] as const;
const IMPORT = /(?<=(?:from |import\()['"])(\.[^'"]+)\.ts(?=['"])/g;

async function javascript(): Promise<void> {
  const result = await build({
    absWorkingDir: SDK,
    entryPoints: ENTRIES.map((name) => `src/${name}.ts`),
    outdir: DRAFT,
    bundle: true,
    splitting: true,
    chunkNames: 'chunk-[hash]',
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    external: ['idb', 'node:*'],
    sourcemap: true,
    sourcesContent: true,
    metafile: true,
    logLevel: 'warning',
  });
  const foreign = Object.keys(result.metafile.inputs).filter((path) => path.includes('node_modules'));
  if (foreign.length > 0) throw new Error(`the bundle contains what is not ours: ${foreign.join(', ')}`);
}

/** What tsc makes of the two environments: the main path without Node's types, the file adapter with them. */
function declarations(): void {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  for (const config of ['tsconfig.build.json', 'tsconfig.build-node.json']) {
    const { status } = spawnSync(process.execPath, [tsc, '-p', join(SDK, config), '--outDir', TYPES], {
      stdio: 'inherit',
    });
    if (status !== 0) throw new Error(`tsc -p ${config} failed`);
  }
}

/** Writes the exported types of a schema module out, without the schemas. */
function flatten(project: Project, name: string): string {
  const source = project.addSourceFileAtPath(join(ROOT, 'src/protocol', `${name}.ts`));
  const lines: string[] = [];
  const flags =
    ts.TypeFormatFlags.NoTruncation |
    ts.TypeFormatFlags.InTypeAlias |
    ts.TypeFormatFlags.UseSingleQuotesForStringLiteralType;
  for (const [exported, nodes] of source.getExportedDeclarations()) {
    for (const node of nodes) {
      const isType = node.isKind(ts.SyntaxKind.TypeAliasDeclaration);
      if (node.getSourceFile() !== source || !(isType || node.isKind(ts.SyntaxKind.InterfaceDeclaration))) continue;
      // An interface, or a type with parameters, says itself what it is; an inferred one has to be worked out.
      const written = !isType || node.getTypeParameters().length > 0;
      const doc = node.getJsDocs().map((comment) => comment.getText());
      const text = written
        ? node.getText()
        : [...doc, `export type ${exported} = ${node.getType().getText(undefined, flags)};`].join('\n');
      if (/import\(|\bz\.|Zod/.test(text)) throw new Error(`${name}.${exported} could not be written out: ${text}`);
      lines.push(text);
    }
  }
  return `${lines.join('\n')}\nexport {};\n`;
}

function flattenProtocol(): void {
  const project = new Project({
    tsConfigFilePath: join(ROOT, 'tsconfig.json'),
    skipAddingFilesFromTsConfig: true,
  });
  for (const file of readdirSync(PROTOCOL)) {
    const path = join(PROTOCOL, file);
    if (!/from ['"]zod['"]/.test(readFileSync(path, 'utf8'))) continue;
    writeFileSync(path, flatten(project, file.replace(/\.d\.ts$/, '')));
  }
}

/** Removes what no entry leads to, and names modules as they are named at run time. */
function prune(): void {
  const reached = new Set<string>();
  const visit = (path: string): void => {
    if (reached.has(path)) return;
    if (!existsSync(path)) throw new Error(`a declaration is missing: ${path}`);
    reached.add(path);
    const text = readFileSync(path, 'utf8');
    for (const [, target] of text.matchAll(IMPORT)) visit(join(dirname(path), `${target}.d.ts`));
    writeFileSync(path, text.replace(IMPORT, '$1.js'));
  };
  for (const name of ENTRIES) visit(join(TYPES, 'sdk/src', `${name}.d.ts`));
  for (const path of readdirSync(TYPES, { recursive: true, encoding: 'utf8' })) {
    const full = join(TYPES, path);
    if (path.endsWith('.d.ts') && !reached.has(full)) rmSync(full);
  }
}

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));

/** Puts the files in place, each at once, those that others name before those that name them; what is left over goes. */
function install(): void {
  const files = filesIn(DRAFT);
  const isEntry = (file: string): boolean => ENTRIES.some((name) => file === `${name}.js`);
  for (const file of files.sort((a, b) => Number(isEntry(a)) - Number(isEntry(b)))) {
    mkdirSync(dirname(join(DIST, file)), { recursive: true });
    renameSync(join(DRAFT, file), join(DIST, file));
  }
  const wanted = new Set(files);
  for (const file of filesIn(DIST)) if (!wanted.has(file)) rmSync(join(DIST, file), { force: true });
}

try {
  await javascript();
  declarations();
  flattenProtocol();
  prune();
  copyFileSync(join(ROOT, 'LICENSE'), join(DRAFT, 'LICENSE'));
  install();
} finally {
  rmSync(DRAFT, { recursive: true, force: true });
}
