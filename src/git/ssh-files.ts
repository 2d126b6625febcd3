import { isOfKind, SidecarError } from '../model/error.ts';
import { whyUnreadable } from '../platform/unreadable.ts';
import { type Git, withRun } from './git.ts';
import type { SshOptions } from './ssh-command.ts';

type SshFiles = Pick<SshOptions, 'keyFiles' | 'hostKeys'>;

async function describeUnreadable(kind: string, path: string): Promise<string | undefined> {
  const reason = await whyUnreadable(path);
  return reason === undefined ? undefined : `${kind} ${path}: ${reason}`;
}

/**
 * ssh says "Host key verification failed" where it cannot read the file of known hosts, and "Permission denied" where
 * it cannot read the key. Where that is so, says it instead.
 */
async function explain(error: SidecarError, { keyFiles, hostKeys }: SshFiles): Promise<SidecarError> {
  const known =
    hostKeys.check === 'file' ? await describeUnreadable('the file of known hosts', hostKeys.file) : undefined;
  const keys = await Promise.all(keyFiles.map(async (path) => await describeUnreadable('the private key', path)));
  // The host's key is looked at first. With several keys one that is missing is no reason, unless all are.
  const hostKeyFailed = error.is('unknown-host');
  if (hostKeyFailed ? known === undefined : keys.length === 0 || keys.includes(undefined)) return error;
  const detail = [known, ...keys].filter((text) => text !== undefined).join('; ');
  const { op, target } = error;
  return new SidecarError('ERR_REMOTE_SSH_FILE', { op, ...(target !== undefined && { target }), detail, cause: error });
}

/** `git`, whose ssh failures name the file that ssh could not read. */
export function explainSshFiles(git: Git, files: SshFiles): Git {
  return withRun(git, async (args, options) => {
    try {
      return await git.run(args, options);
    } catch (error) {
      throw isOfKind(error, 'unknown-host', 'refused') &&
        /permission denied \(|load key|verification failed|host key/i.test(error.detail)
        ? await explain(error, files)
        : error;
    }
  });
}
