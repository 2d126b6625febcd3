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

/** The lines of a file for a server. */
interface Known {
  /** Types of keys, or of the authorities that may vouch for one. */
  readonly types: readonly string[];
  readonly isHashed: boolean;
  readonly revoked: number;
}

/** @returns undefined where there is no ssh-keygen */
async function linesFor(
  file: string,
  server: KnownHost,
  env: Readonly<Record<string, string>>,
  parts: Parts,
  signal: AbortSignal,
): Promise<Known | undefined> {
  const result = await runKeygen(['-F', entryOf(server), '-f', file], parts, env, signal);
  if (!result) return undefined;
  const lines = result.stdout
    .toString()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const good = lines.filter((line) => !line.startsWith('@revoked'));
  const typeOf = (line: string): string => {
    const type = line.replace(/^@\S+\s+/, '').split(/\s+/)[1] ?? '';
    return line.startsWith('@cert-authority') ? `authority ${type}` : type;
  };
  return {
    types: [...new Set(good.map(typeOf))],
    isHashed: lines.some((line) => line.includes('|1|')),
    revoked: lines.length - good.length,
  };
}

/**
 * What `--ssh-accept-new` has accepted of this server, and what the files say of it; a file may be missing.
 * @param files the one of accepted keys first
 */
export async function checkAcceptedHosts(
  files: readonly string[],
  server: KnownHost,
  env: Readonly<Record<string, string>>,
  parts: Parts,
  signal: AbortSignal,
): Promise<Verdict> {
  for (const file of files) {
    if ((await whyUnreadable(file)) !== undefined) continue;
    const known = await linesFor(file, server, env, parts, signal);
    if (known && known.types.length > 0) return ok(`${file} has ${entryOf(server)}: ${known.types.join(', ')}`);
  }
  return ok(`${entryOf(server)} is not known yet; the first key that it shows is accepted`);
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
  const known = await linesFor(file, server, env, parts, signal);
  if (!known) return ok(`${file} can be read; not looked into, since ssh-keygen is not installed`);
  const revoked = known.revoked === 0 ? '' : `; ${known.revoked} of its keys are revoked`;
  if (known.types.length > 0)
    return ok(`${file} has ${entry}${known.isHashed ? ' (hashed)' : ''}: ${known.types.join(', ')}${revoked}`);
  const all = (await readFile(file, 'utf8')).split('\n').filter((line) => /^[^#\s]/.test(line));
  const hashed = all.filter((line) => line.startsWith('|1|')).length;
  const keyscan = `ssh-keyscan -p ${server.port} ${server.host} >> ${file}`;
  return wrong(
    `${file} has no line for ${entry} (it has ${all.length}${hashed > 0 ? `, ${hashed} of them hashed` : ''})${revoked}`,
    `\`${keyscan}\`, and compare the key with what the owner of the host publishes`,
  );
}
