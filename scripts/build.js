// Bundles each command into one file. The first line makes the file a shell script that starts Node on itself; as
// process 1 of a container the shell stays, passes signals on and reaps what others leave behind (Node cannot).
import { chmodSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const nodeFlags = '--max-semi-space-size=1 --no-warnings';
const asProcessOne = [
  `node ${nodeFlags} "$0" "$@" & p=$!`,
  'for s in HUP INT QUIT TERM USR1 USR2; do trap "kill -$s $p 2>/dev/null" $s; done',
  'while :; do wait $p; r=$?; kill -0 $p 2>/dev/null || break; done',
  'exit $r',
].join('; ');
const banner = `#!/bin/sh\n':' //; [ $$ -eq 1 ] || exec node ${nodeFlags} "$0" "$@"; ${asProcessOne}`;

rmSync('dist', { recursive: true, force: true });
mkdirSync('dist');
for (const command of ['git-sidecar', 'git-sync']) {
  const outfile = `dist/${command}.cjs`;
  await build({
    entryPoints: [`src/cli/${command}.ts`],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    banner: { js: banner },
    define: { GIT_SIDECAR_VERSION: JSON.stringify(version) },
    logLevel: 'warning',
  });
  chmodSync(outfile, 0o755);
}
