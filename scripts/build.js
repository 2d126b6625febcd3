// Bundles each command into one file. The first line makes the file a shell script that starts Node on itself; as
// process 1 of a container the shell stays, passes signals on and reaps what others leave behind (Node cannot).
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';
import { renderSbom } from './sbom.js';

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
/** Memory for what is short-lived, see below; certificates as OpenSSL loads them, not the list that Node has built in. */
const nodeFlags = '--max-semi-space-size=$m --use-openssl-ca --no-warnings';
/**
 * One heap for all threads of ours, which saves 3 MB. What the user had is for children (src/config/process-input.ts).
 * Little memory for what is short-lived, except in a relay: with many clients it would do little else than collect it.
 */
const memory = [
  'export GIT_SIDECAR_ARENAS="${MALLOC_ARENA_MAX-}" MALLOC_ARENA_MAX=1',
  'm=1; [ "$1" = relay ] && m=16',
].join('; ');
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

async function bundle(outfile, mode, options) {
  const { metafile, outputFiles } = await build({ ...shared, ...options, outfile, write: false });
  for (const input of Object.keys(metafile.inputs)) bundled.add(input);
  for (const { contents } of outputFiles) put(outfile, contents, mode);
}

/** Few use NATS, and the text of a program stays in memory: its client is a file of its own, read when it is needed. */
const librariesApart = {
  name: 'libraries-apart',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/library\.ts$/ }, () => ({ path: './nats.cjs', external: true }));
    onResolve({ filter: /^\.\/yaml-library\.ts$/ }, () => ({ path: './yaml.cjs', external: true }));
  },
};
await bundle('dist/nats.cjs', 0o644, { entryPoints: ['src/relay/nats/library.ts'] });
await bundle('dist/yaml.cjs', 0o644, { entryPoints: ['src/config/document/yaml-library.ts'] });
/** Few follow ranges of versions (src/platform/version-range.ts). */
await bundle('dist/semver.cjs', 0o644, { entryPoints: ['semver/classes/range.js'] });
/** A relay starts processes in a thread of its own (src/platform/threaded-runner.ts). */
await bundle('dist/runner.cjs', 0o644, { entryPoints: ['src/platform/runner-thread.ts'] });
for (const command of ['git-sidecar', 'git-sync']) {
  await bundle(`dist/${command}.cjs`, 0o755, {
    entryPoints: [`src/cli/${command}.ts`],
    plugins: [librariesApart],
    banner: { js: banner },
    define: {
      GIT_SIDECAR_VERSION: JSON.stringify(version),
      GIT_SIDECAR_NODE_FLAGS: JSON.stringify(nodeFlags),
      GIT_SIDECAR_MEMORY: JSON.stringify(memory),
      GIT_SIDECAR_DIRECTORY: '__dirname',
      // The bundle has no such thing, and asks for nothing by it.
      'import.meta.url': 'undefined',
    },
  });
}
put('dist/sbom.cdx.json', renderSbom('git-sidecar', version, [...bundled]));
