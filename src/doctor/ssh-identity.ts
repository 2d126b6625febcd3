import { systemCode } from '../model/error.ts';
import { whyUnreadable } from '../platform/unreadable.ts';
import { ok, type Verdict, wrong } from './finding.ts';
import type { Parts } from './parts.ts';
import { runKeygen } from './ssh-key.ts';

type Environment = Readonly<Record<string, string>>;

/** The certificates that ssh offers: those that are named, and those beside keys. */
export async function certificatesOf(
  certificateFiles: readonly string[],
  keyFiles: readonly string[],
): Promise<readonly string[]> {
  const beside: string[] = [];
  for (const key of keyFiles) {
    const path = `${key}-cert.pub`;
    if ((await whyUnreadable(path)) === undefined && !certificateFiles.includes(path)) beside.push(path);
  }
  return [...certificateFiles, ...beside];
}

/** Whether an ssh certificate can be read and is valid today (ssh-keygen(1), `-L`). */
export async function checkSshCertificate(
  path: string,
  env: Environment,
  parts: Parts,
  signal: AbortSignal,
): Promise<Verdict> {
  const unreadable = await whyUnreadable(path);
  if (unreadable !== undefined)
    return wrong(
      `it cannot be read: ${unreadable}`,
      'mount it there, or name another file with `--ssh-certificate-file`',
    );
  // Times are printed in the time zone of the process.
  const result = await runKeygen(['-L', '-f', path], parts, { ...env, TZ: 'UTC' }, signal);
  if (!result) return ok('it can be read; not looked into, since ssh-keygen is not installed');
  const text = result.stdout.toString();
  const type = /Type: \S+ (user|host) certificate/.exec(text)?.[1];
  if (result.code !== 0 || type === undefined)
    return wrong('it is no ssh certificate', `see it with \`ssh-keygen -L -f ${path}\``);
  if (type === 'host') return wrong('it is the certificate of a host, not of a user', 'sign the key without `-h`');
  const [, from, to] = /Valid: from (\S+) to (\S+)/.exec(text) ?? [];
  const names = /Principals:([\s\S]*?)\n\s*Critical Options/.exec(text)?.[1]?.trim().split(/\s+/).join(', ');
  const now = parts.clock.now();
  const anew = 'let the certificate be issued anew, and mount it';
  if (to !== undefined && Date.parse(`${to}Z`) < now) return wrong(`it ended on ${to}`, anew);
  if (from !== undefined && Date.parse(`${from}Z`) > now) return wrong(`it begins on ${from}`, anew);
  return ok(`for ${names}, ${to === undefined ? 'for ever' : `until ${to}`}`);
}

/** Whether an agent answers, and how many keys it has (ssh-add(1), EXIT STATUS). */
export async function checkSshAgent(
  socket: string,
  env: Environment,
  { runner }: Parts,
  signal: AbortSignal,
): Promise<Verdict> {
  const unreadable = await whyUnreadable(socket);
  const start = 'start the agent, and name its socket with `--ssh-agent`';
  if (unreadable !== undefined) return wrong(unreadable, start);
  try {
    const listed = await runner.run({ file: 'ssh-add', args: ['-l'], env: { ...env, SSH_AUTH_SOCK: socket }, signal });
    signal.throwIfAborted();
    if (listed.code === 0) return ok(listed.stdout.toString().trim().split('\n').join('; '));
    if (listed.code === 1) return wrong('it has no keys', `\`SSH_AUTH_SOCK=${socket} ssh-add KEY\``);
    return wrong('no agent answers there', start);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    return ok('it is there; not asked, since ssh-add is not installed');
  }
}
