// `npm start`. These lines run on any Node that knows ES modules; what needs a current one is loaded after the check.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

/** @param {string} line */
const fail = (line) => {
  console.error(`tideline: ${line}`);
  process.exit(1);
};

if (major < 22 || (major === 22 && minor < 18)) {
  fail(
    `Node ${process.versions.node} is too old, 22.18 or newer is needed. \`npm install\` brings Node 24 along unless install scripts are switched off: run \`npm rebuild node\`, then \`npm start\` again.`,
  );
} else {
  import('./local/main.ts').then(
    ({ main }) => main(),
    (error) =>
      error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND'
        ? fail(`a package is missing, run \`npm install\` first (${error.message.split('\n')[0]})`)
        : fail(String(error)),
  );
}
