import { appendFile, readFile } from 'node:fs/promises';
import type { SyncConfig } from '../config/sync-config.ts';
import { InvalidOption } from '../config/validation.ts';
import { requireProgram } from '../git/program.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import { canLendUser } from '../platform/lend-user.ts';
import type { Logger } from '../platform/log.ts';
import { whyUnreadable } from '../platform/unreadable.ts';

async function requireFile(path: string, option: string): Promise<void> {
  const reason = await whyUnreadable(path);
  if (reason === undefined) return;
  const hint =
    'Mount the Secret there; in a Pod `securityContext.fsGroup: 65533` and `defaultMode: 0440` let this user read it.';
  throw new InvalidOption(`${option}: cannot read ${path}: ${reason}`, false, hint);
}

/**
 * compat.md 6: one line in /etc/passwd for a user id that has none. Where that file cannot be written, ssh, which alone
 * needs the entry, reads a file of ours (`lendUser`), so that is no reason not to start.
 *
 * @returns why there is no entry; undefined when there is one
 * @throws SidecarError ERR_CONFIG_ADD_USER when ssh would have to work without
 */
async function addUser({ environment, remote }: SyncConfig): Promise<string | undefined> {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  try {
    const passwd = await readFile('/etc/passwd', 'utf8');
    if (passwd.split('\n').some((line) => line.split(':')[2] === String(uid))) return undefined;
    const start = passwd === '' || passwd.endsWith('\n') ? '' : '\n';
    const line = `git-sync:x:${uid}:${gid}::${environment.HOME ?? '/'}:/sbin/nologin`;
    await appendFile('/etc/passwd', `${start}${line}\n`);
    return undefined;
  } catch (error) {
    const detail = messageOf(error);
    if (remote.transport !== 'ssh' || (await canLendUser())) return detail;
    throw new SidecarError('ERR_CONFIG_ADD_USER', {
      op: 'add the user to',
      target: '/etc/passwd',
      detail,
      cause: error,
    });
  }
}

/** What has to be true of the machine before the first sync; in git-sync's order. Sets the umask. */
export async function preflight(config: SyncConfig, log: Logger): Promise<void> {
  await requireProgram(config.git, config.environment.PATH);
  if (config.umask !== undefined) process.umask(config.umask);
  const reason = config.addUser ? await addUser(config) : undefined;
  if (reason !== undefined)
    log.info(0, '--add-user: /etc/passwd is not changed; ssh gets an entry of its own', { reason });
  if (config.mode !== 'v4') {
    for (const { passwordFile } of config.credentials)
      if (passwordFile !== undefined) await requireFile(passwordFile, '--password-file');
    for (const path of config.ssh.keyFiles) await requireFile(path, '--ssh-key-file');
    if (config.ssh.hostKeys.check === 'file') await requireFile(config.ssh.hostKeys.file, '--ssh-known-hosts-file');
  }
  if (config.cookieFile !== undefined) await requireFile(config.cookieFile, '--cookie-file');
}
