import { createHash } from 'node:crypto';
import type { ExechookConfig, WebhookConfig } from '../config/sync-config.ts';
import { splitUserinfo } from '../platform/url-userinfo.ts';

/** Of a digest that only has to tell the consumers of one sync apart. */
const DIGITS = 12;

function nameOf(kind: string, parts: readonly (string | undefined)[]): string {
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  return `${kind}-${digest.slice(0, DIGITS)}`;
}

/**
 * A name for the consumer behind a hook. Another program, or another part of the repository, is another consumer: it
 * has not seen what the one before has seen.
 *
 * @param path the part of the repository that is published
 */
export function nameOfExechook({ command, args }: ExechookConfig, path: string | undefined): string {
  return nameOf('exechook', [path, command, ...args]);
}

/** As above. The user and password are left out: nothing that is made of them may be on disk. */
export function nameOfWebhook({ url }: WebhookConfig, path: string | undefined): string {
  return nameOf('webhook', [path, splitUserinfo(url).url.href]);
}
