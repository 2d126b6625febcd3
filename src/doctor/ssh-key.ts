import { readFile, stat } from 'node:fs/promises';
import { messageOf, systemCode } from '../model/error.ts';
import type { CommandResult } from '../platform/process/runner.ts';
import { whyUnreadable } from '../platform/unreadable.ts';
import { ok, type Verdict, wrong } from './finding.ts';
import type { Parts } from './parts.ts';

/** Runs ssh-keygen. @returns undefined where there is none */
export async function runKeygen(
  args: readonly string[],
  { runner }: Parts,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
  stdin?: Buffer,
): Promise<CommandResult | undefined> {
  const words = { file: 'ssh-keygen', args, env: { ...env, LC_ALL: 'C' }, signal, ...(stdin && { stdin }) };
  const result = await runner.run(words).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  // What was ended says nothing.
  signal.throwIfAborted();
  return result;
}

const MOUNT =
  'mount the Secret there; in a Pod `securityContext.fsGroup: 65533` and `defaultMode: 0440` let this user read it';

/** What the text of a key file shows; ssh itself says less of it. */
function oddText(text: string): Verdict | undefined {
  if (text.trim() === '') return wrong('the file is empty', 'put the private key into it');
  if (/^(?:ssh-|ecdsa-|sk-)\S+ AAAA/.test(text))
    return wrong('it is the public half of a key', 'give the private half: the file without .pub');
  if (text.startsWith('PuTTY-User-Key-File'))
    return wrong('it is a key of PuTTY', 'convert it: `puttygen FILE -O private-openssh -o NEW`');
  if (!text.includes('PRIVATE KEY'))
    return wrong('it is no private key', 'put the whole text of the key into it, from -----BEGIN to -----END');
  return undefined;
}

function oddEnds(text: string): string {
  if (text.includes('\r')) return ': its lines end with CR LF, as Windows writes them';
  return text.endsWith('\n') ? '' : ': the line end at its end is missing';
}

/**
 * Whether ssh can use a private key without asking for anything.
 * @param onDescribed gets what the key is, for the line about credentials
 */
export async function checkKey(
  path: string,
  env: Readonly<Record<string, string>>,
  parts: Parts,
  onDescribed: (text: string) => void,
  signal: AbortSignal,
): Promise<Verdict> {
  const unreadable = await whyUnreadable(path);
  if (unreadable !== undefined) return wrong(`it cannot be read: ${unreadable}`, MOUNT);
  const { mode, uid } = await stat(path);
  const octal = (mode & 0o7777).toString(8).padStart(4, '0');
  if (uid === process.getuid?.() && (mode & 0o077) !== 0)
    return wrong(
      `others may read it (mode ${octal}), so ssh refuses it`,
      `\`chmod 400 ${path}\`, in a Pod \`defaultMode: 0400\``,
    );
  const text = await readFile(path, 'utf8');
  const odd = oddText(text);
  if (odd) return odd;
  const result = await runKeygen(['-y', '-P', '', '-f', path], parts, env, signal);
  if (!result) return ok(`mode ${octal}; not looked into, since ssh-keygen is not installed`);
  if (result.code !== 0) return unusable(path, text, result);
  const listed = await runKeygen(['-l', '-f', '-'], parts, env, signal, result.stdout);
  const [, fingerprint = '', type = ''] = /(SHA256:\S+).*\((\S+)\)\s*$/m.exec(listed?.stdout.toString() ?? '') ?? [];
  onDescribed(`${type} ${fingerprint}`);
  return ok(`${type} ${fingerprint}, mode ${octal}, no passphrase`);
}

function unusable(path: string, text: string, { stderr }: CommandResult): Verdict {
  if (/passphrase/i.test(stderr))
    return wrong(
      'it has a passphrase, and nobody is there to type it',
      `give a key without one: \`ssh-keygen -p -N '' -f COPY_OF_THE_KEY\``,
    );
  const said = stderr.trim().split('\n').at(-1)?.replace(`Load key "${path}": `, '') ?? messageOf(stderr);
  return wrong(
    `ssh cannot read it (${said})${oddEnds(text)}`,
    `write the file again, byte for byte; \`ssh-keygen -y -f ${path}\` has to work`,
  );
}
