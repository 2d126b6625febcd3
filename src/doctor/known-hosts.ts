import { readFile } from 'node:fs/promises';
import { whyUnreadable } from '../platform/unreadable.ts';
import { ok, type Verdict, wrong } from './finding.ts';
import type { Parts } from './parts.ts';
import { runKeygen } from './ssh-key.ts';

/** How known_hosts names a server: with its port where that is not 22 (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"). */
function entryOf({ host, port }: KnownHost): string {
  return port === 22 ? host : `[${host}]:${port}`;
}

export interface KnownHost {
  readonly host: string;
  readonly port: number;
}

/** Whether the file has a line for this server; names may be hashed. */
export async function checkKnownHosts(
  file: string,
  server: KnownHost,
  env: Readonly<Record<string, string>>,
  parts: Parts,
  signal: AbortSignal,
): Promise<Verdict> {
  const unreadable = await whyUnreadable(file);
  if (unreadable !== undefined)
    return wrong(
      `${file} cannot be read: ${unreadable}`,
      'mount the Secret there, or name another file with `--ssh-known-hosts-file`',
    );
  const entry = entryOf(server);
  const result = await runKeygen(['-F', entry, '-f', file], parts, env, signal);
  if (!result) return ok(`${file} can be read; not looked into, since ssh-keygen is not installed`);
  const lines = result.stdout
    .toString()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (result.code === 0 && lines.length > 0) {
    const types = [...new Set(lines.map((line) => line.replace(/^@\S+\s+/, '').split(/\s+/)[1]))];
    const isHashed = lines.some((line) => line.startsWith('|1|'));
    return ok(`${file} has ${entry}${isHashed ? ' (hashed)' : ''}: ${types.join(', ')}`);
  }
  const all = (await readFile(file, 'utf8')).split('\n').filter((line) => /^[^#\s]/.test(line));
  const hashed = all.filter((line) => line.startsWith('|1|')).length;
  const keyscan = `ssh-keyscan -p ${server.port} ${server.host} >> ${file}`;
  return wrong(
    `${file} has no line for ${entry} (it has ${all.length}${hashed > 0 ? `, ${hashed} of them hashed` : ''})`,
    `\`${keyscan}\`, and compare the key with what the owner of the host publishes`,
  );
}
