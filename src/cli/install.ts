import { chmod, copyFile, mkdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { messageOf, SidecarError } from '../model/error.ts';
import { EXIT, type Io } from './outcome.ts';
import { BEFORE_NODE, NODE_FLAGS } from './version.ts';

const USAGE = `usage: git-sidecar install DIR

Puts a copy of this program into DIR that needs nothing else: its runtime, the libraries that the runtime
uses, and the programs git-sidecar and git-sync. An init container does this, so that an image without
Node, and with another C library, can start DIR/git-sidecar run …
`;

/** Files that the kernel has mapped into this process (proc(5)). */
async function mappedFiles(): Promise<string[]> {
  const maps = await readFile('/proc/self/maps', 'utf8');
  const paths = maps.split('\n').flatMap((line) => /\s(\/.*)$/.exec(line)?.[1] ?? []);
  return [...new Set(paths)];
}

/** The name that programs ask for, `libx.so.6`; the file may be called libx.so.6.0.30. */
function libraryName(path: string): string {
  return basename(path).replace(/(\.so\.\d+)\..*$/, '$1');
}

/** A shell script that starts our loader with our libraries; as process 1 the shell stays and reaps. */
function launcher(directory: string, loader: string, script: string): string {
  const runtime = `"$d/lib/${loader}" --library-path "$d/lib" "$d/bin/node" ${NODE_FLAGS} "$d/lib/${script}"`;
  return `#!/bin/sh
d=\${0%/*}
[ -x "$d/bin/node" ] || d=${directory}
${BEFORE_NODE}
[ $$ -eq 1 ] || exec ${runtime} "$@"
${runtime} "$@" & p=$!
for s in HUP INT QUIT TERM USR1 USR2; do trap "kill -$s $p 2>/dev/null" $s; done
while :; do wait $p; r=$?; kill -0 $p 2>/dev/null || break; done
exit $r
`;
}

async function install(directory: string, bundle: string): Promise<void> {
  const files = await mappedFiles();
  const libraries = files.filter((path) => /\.so(?:\.[\d.]+)?$/.test(path));
  const loader = libraries.map(libraryName).find((name) => /^ld-/.test(name));
  if (loader === undefined) throw new Error('the loader of this process was not found; is it a static build?');
  await rm(join(directory, 'lib'), { recursive: true, force: true });
  await mkdir(join(directory, 'lib'), { recursive: true });
  await mkdir(join(directory, 'bin'), { recursive: true });
  for (const path of libraries) await copyFile(path, join(directory, 'lib', libraryName(path)));
  // An installed copy is started by its loader, which then is what execPath names.
  const node = files.find((path) => basename(path) === 'node') ?? (await realpath(process.execPath));
  await copyFile(node, join(directory, 'bin', 'node'));
  for (const name of ['git-sidecar', 'git-sync']) {
    await copyFile(join(bundle, `${name}.cjs`), join(directory, 'lib', `${name}.cjs`));
    await writeFile(join(directory, name), launcher(directory, loader, `${name}.cjs`));
    await chmod(join(directory, name), 0o755);
  }
  await copyFile(join(bundle, 'nats.cjs'), join(directory, 'lib', 'nats.cjs'));
  await chmod(join(directory, 'lib', loader), 0o755);
  await chmod(join(directory, 'bin', 'node'), 0o755);
}

/** `git-sidecar install`. @param program the file that runs now; its siblings are copied */
export async function installCommand(argv: readonly string[], program: string, cwd: string, io: Io): Promise<number> {
  const [target, ...more] = argv;
  if (target === undefined || more.length > 0 || target.startsWith('-')) {
    const asked = target === '--help' || target === '-h';
    (asked ? io.stdout : io.stderr)(USAGE);
    return asked ? EXIT.ok : EXIT.usage;
  }
  const directory = resolve(cwd, target);
  try {
    await install(directory, resolve(program, '..'));
  } catch (cause) {
    const error = new SidecarError('ERR_INSTALL', {
      op: 'install to',
      target: directory,
      detail: messageOf(cause),
      cause,
    });
    io.stderr(`${error.message}\n${error.code}: ${error.hint}\n`);
    return EXIT.failure;
  }
  io.stdout(`installed: ${directory}/git-sidecar\n`);
  return EXIT.ok;
}
