import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeBelow } from './files-below.ts';

/** Where Debian, Fedora and Alpine put it. */
const LIBRARY_DIRECTORIES = ['/usr/lib', '/usr/lib64', '/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu'];

async function findLibrary(): Promise<string | undefined> {
  for (const directory of LIBRARY_DIRECTORIES) {
    const names = await readdir(directory).catch(() => [] as string[]);
    if (names.includes('libnss_wrapper.so')) return join(directory, 'libnss_wrapper.so');
  }
  return undefined;
}

/**
 * ssh refuses to work for a user id that has no entry in /etc/passwd, as in a Pod with an arbitrary user, and there that
 * file cannot be written. With nss_wrapper (cwrap.org) it reads a file of ours instead.
 *
 * @param directory a private one, for the file
 * @returns undefined where the user has an entry, or there is no such library
 */
export async function lendUser(
  directory: string,
  home: string,
): Promise<{ readonly library: string; readonly passwdFile: string } | undefined> {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '');
  if (passwd.split('\n').some((line) => line.split(':')[2] === String(uid))) return undefined;
  const library = await findLibrary();
  if (library === undefined) return undefined;
  const passwdFile = join(directory, 'passwd');
  const lines = passwd === '' || passwd.endsWith('\n') ? passwd : `${passwd}\n`;
  await writeBelow({ root: directory, path: passwdFile }, `${lines}git-sync:x:${uid}:${gid}::${home}:/bin/sh\n`);
  return { library, passwdFile };
}
