// Makes each program: a bundle, and a small file that loads it. The first line of that file makes it a shell script that
// starts Node on itself; as process 1 of a container the shell stays, passes signals on and reaps what others leave behind
// (Node cannot). Then the programs are run once, which leaves the code cache of this machine's Node beside them.
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';
import { buildPage } from './page.js';
import { renderSbom } from './sbom.js';
import { warmUp } from './warm-up.js';

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
/** Certificates as OpenSSL loads them, not the list that Node has built in. No option of V8: see src/cli/young-space.ts. */
const nodeFlags = '--use-openssl-ca --no-warnings';
/** One heap for all threads of ours, which saves 3 MB. What the user had is for children (src/config/process-input.ts). */
const memory = 'export GIT_SIDECAR_ARENAS="${MALLOC_ARENA_MAX-}" MALLOC_ARENA_MAX=1';
const asProcessOne = [
  `node ${nodeFlags} "$0" "$@" & p=$!`,
  'for s in HUP INT QUIT TERM USR1 USR2; do trap "kill -$s $p 2>/dev/null" $s; done',
  'while :; do wait $p; r=$?; kill -0 $p 2>/dev/null || break; done',
  'exit $r',
].join('; ');
const banner = `#!/bin/sh\n':' //; ${memory}; [ $$ -eq 1 ] || exec node ${nodeFlags} "$0" "$@"; ${asProcessOne}`;

mkdirSync('dist', { recursive: true });
const bundled = new Set();
const shared = {
  metafile: true,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
};

/** In one step: a program that is running, or is started meanwhile, sees the old file or the new one. */
function put(path, contents, mode = 0o644) {
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, contents);
  chmodSync(temporary, mode);
  renameSync(temporary, path);
}

async function textOf(options) {
  const { metafile, outputFiles } = await build({ ...shared, ...options, write: false });
  for (const input of Object.keys(metafile.inputs)) bundled.add(input);
  return outputFiles[0].text;
}

/** Few use NATS, and the text of a program stays in memory: its client is a file of its own, read when it is needed. */
const librariesApart = {
  name: 'libraries-apart',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/library\.ts$/ }, () => ({ path: './nats.cjs', external: true }));
    onResolve({ filter: /\/yaml-library\.ts$/ }, () => ({ path: './yaml.cjs', external: true }));
  },
};
put('dist/nats.cjs', await textOf({ entryPoints: ['src/relay/nats/library.ts'] }));
put('dist/yaml.cjs', await textOf({ entryPoints: ['src/platform/yaml-library.ts'] }));
/** Few follow ranges of versions (src/platform/version-range.ts). */
put('dist/semver.cjs', await textOf({ entryPoints: ['semver/classes/range.js'] }));
/** A relay starts processes from a process of its own (src/platform/process/separate-runner.ts). */
put('dist/runner.cjs', await textOf({ entryPoints: ['src/platform/process/runner-program.ts'] }));
/** Read when somebody opens the page of a relay (src/relay/browser/page-files.ts). */
const page = await buildPage();
for (const input of page.inputs) bundled.add(input);
put('dist/page.json', page.text);
const loader = await textOf({ entryPoints: ['src/cli/load-bundle.ts'], banner: { js: banner } });
const programs = ['git-sidecar', 'git-sync'];
for (const program of programs) {
  const code = await textOf({
    entryPoints: [`src/cli/${program}.ts`],
    plugins: [librariesApart],
    // `import()` belongs to the file that has it; a script that is loaded has `require` only.
    supported: { 'dynamic-import': false },
    define: {
      GIT_SIDECAR_VERSION: JSON.stringify(version),
      GIT_SIDECAR_NODE_FLAGS: JSON.stringify(nodeFlags),
      GIT_SIDECAR_MEMORY: JSON.stringify(memory),
      GIT_SIDECAR_DIRECTORY: '__dirname',
      // The bundle has no such thing, and asks for nothing by it.
      'import.meta.url': 'undefined',
    },
  });
  const wrapped = `(function(exports,require,module,__filename,__dirname){${code}\n})\n//`;
  // Read as bytes: one for each character keeps the text small in memory.
  if (/[^\x00-\x7f]/.test(wrapped)) throw new Error(`the bundle of ${program} is not ASCII`);
  put(`dist/${program}.bundle.js`, wrapped + createHash('sha256').update(wrapped).digest('hex'));
  put(`dist/${program}.cjs`, loader, 0o755);
}
put('dist/sbom.cdx.json', renderSbom('git-sidecar', version, [...bundled]));
for (const name of readdirSync('dist')) if (name.endsWith('.cache')) rmSync(`dist/${name}`);
for (const program of programs) await warmUp(`dist/${program}.cjs`);
