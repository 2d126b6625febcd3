import { access, chmod, copyFile, lstat, mkdtemp, readFile, realpath, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { EXIT } from '../app/outcome.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import { readText, temporaryName, writeFileAtomic } from '../platform/atomic-file.ts';
import { claimDirectory, foreignDirectory, nameSome } from '../platform/owned-directory.ts';
import { createProcessRunner } from '../platform/process/runner.ts';
import { BEFORE_NODE, NODE_FLAGS } from '../platform/version.ts';
import { codeCacheOf, isCodeCache } from './code-cache.ts';
import type { Call } from './perform.ts';

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

/** What `install` calls itself where it fills directories. */
const PURPOSE = 'an installed copy of git-sidecar';
const PROGRAMS = ['git-sidecar', 'git-sync'];
const BUNDLES = [
  ...PROGRAMS.flatMap((name) => [`${name}.cjs`, `${name}.bundle.js`]),
  'nats.cjs',
  'yaml.cjs',
  'semver.cjs',
  'runner.cjs',
  'page.json',
];
const WARM_UP_LIMIT_MS = 30_000;

/** One of the two scripts in the directory is a launcher of ours, whatever its edition. */
async function isLauncher(path: string): Promise<boolean> {
  const text = await readText(path);
  return text?.startsWith('#!/bin/sh\n') === true && text.includes(`"$d/lib/${basename(path)}.cjs"`);
}

/**
 * Refuses what would be written over and is not ours; marks the two directories as ours.
 * @returns once everything that install writes is new or its own
 */
async function claimPlaces(directory: string, libraries: readonly string[]): Promise<void> {
  const launchers = await Promise.all(PROGRAMS.map(async (name) => await isLauncher(join(directory, name))));
  const occupied = await Promise.all(
    PROGRAMS.map(async (name, at) => !launchers[at] && (await lstat(join(directory, name)).catch(() => undefined))),
  );
  const foreign = PROGRAMS.filter((_name, at) => occupied[at]);
  if (foreign.length > 0)
    throw foreignDirectory(directory, PURPOSE, `it holds what git-sidecar did not make: ${nameSome(foreign)}`);
  const own = { lib: [...BUNDLES, ...libraries], bin: ['node'] };
  for (const [name, files] of Object.entries(own)) {
    // An edition without marks installed here; beside its files lies perhaps what only looks like them.
    const foreignTo = async (names: readonly string[]): Promise<readonly string[]> =>
      launchers.includes(true) ? names.filter((each) => !files.includes(each) && !isCodeCache(each)) : names;
    await claimDirectory({ path: join(directory, name), purpose: PURPOSE, foreignTo });
  }
}

/** Copies in one step: a program that runs from here keeps the file that it has. */
async function copyInto(directory: string, name: string, from: string, mode: number): Promise<void> {
  const temporary = temporaryName(directory, '.tmp-git-sidecar');
  try {
    await copyFile(from, temporary);
    await chmod(temporary, mode);
    await rename(temporary, join(directory, name));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * Brings the code caches along. Where there is none for this Node, each program is run once and leaves one: it looks for
 * a repository that is not there. Without a cache a program starts more slowly; that is no failure of the installation.
 */
async function bringCodeCaches(directory: string, bundle: string): Promise<void> {
  const runner = createProcessRunner();
  for (const name of PROGRAMS) {
    const cache = codeCacheOf(join(bundle, name));
    const isThere = await access(cache).then(
      () => true,
      () => false,
    );
    if (isThere) await copyInto(join(directory, 'lib'), basename(cache), cache, 0o644);
    if (isThere) continue;
    const root = await mkdtemp(join(tmpdir(), 'git-sidecar-install-'));
    const args = [`--repo=file://${root}/none`, `--root=${root}/root`, '--one-time'];
    const run = { file: join(directory, name), args, cwd: root, env: {}, timeoutMs: WARM_UP_LIMIT_MS };
    await runner.run(run).finally(async () => await rm(root, { recursive: true, force: true }));
  }
}

async function install(directory: string, bundle: string): Promise<void> {
  const files = await mappedFiles();
  const libraries = files.filter((path) => /\.so(?:\.[\d.]+)?$/.test(path));
  const loader = libraries.map(libraryName).find((name) => /^ld-/.test(name));
  if (loader === undefined) throw new Error('the loader of this process was not found; is it a static build?');
  await claimPlaces(directory, libraries.map(libraryName));
  const [lib, bin] = [join(directory, 'lib'), join(directory, 'bin')];
  for (const path of libraries) {
    const name = libraryName(path);
    await copyInto(lib, name, path, name === loader ? 0o755 : 0o644);
  }
  // An installed copy is started by its loader, which then is what execPath names.
  const node = files.find((path) => basename(path) === 'node') ?? (await realpath(process.execPath));
  await copyInto(bin, 'node', node, 0o755);
  for (const name of BUNDLES) await copyInto(lib, name, join(bundle, name), 0o644);
  for (const name of PROGRAMS) {
    await writeFileAtomic(join(directory, name), launcher(directory, loader, `${name}.cjs`));
    await chmod(join(directory, name), 0o755);
  }
  await bringCodeCaches(directory, bundle).catch(() => undefined);
}

/** `git-sidecar install`. @param program the file that runs now; its siblings are copied */
export async function startInstall({ loaded: { words }, cwd, io }: Call, program: string): Promise<number> {
  const [target] = words;
  if (target === undefined)
    throw new SidecarError('ERR_CONFIG_USAGE', { op: 'read the command line', detail: 'install needs a directory' });
  const directory = resolve(cwd, target);
  try {
    await install(directory, resolve(program, '..'));
  } catch (cause) {
    const context = { op: 'install to', target: directory, detail: messageOf(cause), cause };
    const error = cause instanceof SidecarError ? cause : new SidecarError('ERR_INSTALL', context);
    const text = `${error.message}\n${error.code}: ${error.hint}\n`;
    io.onError?.(text);
    io.stderr(text);
    return EXIT.failure;
  }
  io.stdout(`installed: ${directory}/git-sidecar\n`);
  return EXIT.ok;
}
