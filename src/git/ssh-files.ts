import { isOfKind, SidecarError } from '../model/error.ts';
import { whyUnreadable } from '../platform/unreadable.ts';
import { type Git, withRun } from './git.ts';
import type { AskedHostKeys, SshOptions } from './ssh-command.ts';

export type SshFiles = Pick<SshOptions, 'keyFiles' | 'certificateFiles' | 'agent'> & {
  readonly hostKeys: AskedHostKeys;
};

async function describeUnreadable(kind: string, path: string): Promise<string | undefined> {
  const reason = await whyUnreadable(path);
  return reason === undefined ? undefined : `${kind} ${path}: ${reason}`;
}

/**
 * ssh says "Host key verification failed" where it cannot read the file of known hosts, and "Permission denied" where
 * it cannot read a key. Where that is so, says it instead. With several keys one that is missing is no reason, unless
 * all are.
 */
async function explain(error: SidecarError, files: SshFiles): Promise<SidecarError> {
  const { hostKeys, keyFiles, certificateFiles = [], agent } = files;
  const reasons: (string | undefined)[] = [];
  const look = async (kind: string, paths: readonly string[]): Promise<(string | undefined)[]> =>
    await Promise.all(paths.map(async (path) => await describeUnreadable(kind, path)));
  // The host's key is looked at first; where its file cannot be read, the others are perhaps no better.
  if (error.is('unknown-host')) {
    const known =
      hostKeys.check === 'file' ? await describeUnreadable('the file of known hosts', hostKeys.file) : undefined;
    if (known === undefined) return error;
    reasons.push(known);
  }
  const keys = await look('the private key', keyFiles);
  if (!keys.includes(undefined)) reasons.push(...keys);
  reasons.push(...(await look('the certificate', certificateFiles)));
  if (agent !== undefined) reasons.push(...(await look('the socket of the agent', [agent])));
  const found = reasons.filter((text) => text !== undefined);
  if (found.length === 0) return error;
  const detail = found.join('; ');
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
