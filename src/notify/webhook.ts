import type { WebhookConfig } from '../config/sync-config.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import { deadline } from '../platform/deadline.ts';
import { redactUrl } from '../platform/redact.ts';
import { splitUserinfo } from '../platform/url-userinfo.ts';
import type { Notification } from './notification.ts';

/**
 * Calls the webhook: empty body, `Gitsync-Hash`, the exact status (compat.md 4). A redirect is an answer like any
 * other and is not followed: git-sync turned it into a GET of another URL.
 *
 * @throws SidecarError ERR_NOTIFY_WEBHOOK
 */
export async function callWebhook(
  config: WebhookConfig,
  notification: Notification,
  signal: AbortSignal,
): Promise<void> {
  const fail = (detail: string, cause?: unknown) =>
    new SidecarError('ERR_NOTIFY_WEBHOOK', { op: 'call the webhook', target: redactUrl(config.url), detail, cause });
  const limit = deadline(signal, config.timeoutMs);
  let response: Response;
  try {
    const { url, headers } = splitUserinfo(config.url);
    response = await fetch(url, {
      method: config.method.toUpperCase(),
      headers: { ...headers, ...(config.sendHash && { 'gitsync-hash': notification.oid }) },
      redirect: 'manual',
      signal: limit.signal,
    });
    await response.body?.cancel();
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw fail(limit.signal.aborted ? `no answer within ${config.timeoutMs} ms` : messageOf(cause), error);
  } finally {
    limit.dispose();
  }
  if (config.successStatus === undefined || response.status === config.successStatus) return;
  const location = response.headers.get('location');
  const elsewhere = location === null ? '' : ` (a redirect to ${redactUrl(location)}, which is not followed)`;
  throw fail(`the answer has status ${response.status}${elsewhere}, wanted ${config.successStatus}`);
}
