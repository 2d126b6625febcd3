import { open } from 'node:fs/promises';
import type { ExechookConfig, SyncConfig, WebhookConfig } from '../config/sync-config.ts';
import { findProgram } from '../platform/find-program.ts';
import { goProxyFor } from '../platform/proxy.ts';
import { whyUnreadable } from '../platform/unreadable.ts';
import { checkAddress, hostPortOf } from './address.ts';
import type { Examination } from './examination.ts';
import { none, ok, type Verdict, wrong } from './finding.ts';

type Variables = Readonly<Record<string, string>>;

/** The interpreter that the first line of a script names; undefined for a program. */
async function interpreterOf(path: string): Promise<string | undefined> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(256), 0, 256, 0);
    return /^#!\s*(\S+)/.exec(buffer.subarray(0, bytesRead).toString('latin1'))?.[1];
  } finally {
    await file.close();
  }
}

/** Whether a program can be started. A relative path is one of the published directory. */
export async function judgeProgram(command: string, { PATH }: Variables): Promise<Verdict> {
  if (command.includes('/') && !command.startsWith('/')) return none('it is a path in what is published');
  const found = await findProgram(command, PATH);
  if (found === undefined) {
    const missing = command.startsWith('/') ? await whyUnreadable(command) : 'it is in no directory of PATH';
    return wrong(
      missing ?? 'it may not be executed',
      missing === undefined
        ? `\`chmod +x ${command}\``
        : 'correct the path, or mount or install the program in this container',
    );
  }
  const isReadable = (await whyUnreadable(found)) === undefined;
  const interpreter = isReadable ? await interpreterOf(found) : undefined;
  if (
    interpreter?.includes('\r') === true ||
    (interpreter !== undefined && (await findProgram(interpreter, PATH)) === undefined)
  )
    return wrong(
      `its interpreter ${interpreter} is not there`,
      'install it in this container, or correct the first line of the script (no CR LF)',
    );
  return ok(found);
}

function checkHook(examination: Examination, name: string, hook: ExechookConfig | undefined, env: Variables): void {
  const { command = name } = hook ?? {};
  examination.check({
    name,
    target: command,
    look: async () => (hook ? await judgeProgram(command, env) : none('it is not set')),
  });
}

/** Name and port of its host, or of the proxy before it. No request is sent: a hook is for publishes. */
function checkWebhook(examination: Examination, { url }: WebhookConfig, env: Variables): void {
  const server = new URL(url);
  const proxy = goProxyFor(server, env);
  const what = proxy === undefined ? 'webhook' : 'webhook proxy';
  checkAddress(examination, hostPortOf(new URL(proxy ?? url)), { dns: `${what} dns`, tcp: what });
}

export function checkHooks(examination: Examination, config: SyncConfig): void {
  const { exechook, prePublishHook, webhook, environment } = config;
  checkHook(examination, 'exechook', exechook, environment);
  checkHook(examination, 'pre-publish hook', prePublishHook, environment);
  if (webhook) checkWebhook(examination, webhook, environment);
  else examination.check({ name: 'webhook', target: 'webhook', look: () => none('it is not set') });
}
