import type { WebhookConfig } from '../config/sync-config.ts';
import { CASE_HINTS } from '../model/case-hints.ts';
import { asSidecarError, SidecarError } from '../model/error.ts';
import { deadline } from '../platform/deadline.ts';
import type { HttpAnswer, HttpClient } from '../platform/http-client.ts';
import { hintOnCertificate } from '../platform/no-answer.ts';
import { redactUrl } from '../platform/redact.ts';
import { traceparent } from '../platform/trace/span.ts';
import { splitUserinfo } from '../platform/url-userinfo.ts';
import { type CloudEvent, EVENT_CONTENT_TYPE } from './cloud-event.ts';
import type { Notification } from './notification.ts';

/**
 * Calls the webhook: `Gitsync-Hash`, the exact status (compat.md 4), and an empty body or the event. A redirect is an answer like any
 * other and is not followed: git-sync turned it into a GET of another URL.
 *
 * @throws SidecarError ERR_NOTIFY_WEBHOOK
 */
export async function callWebhook(
  config: Omit<WebhookConfig, 'format'>,
  http: HttpClient,
  notification: Pick<Notification, 'oid' | 'worktree' | 'trace'>,
  signal: AbortSignal,
  event?: CloudEvent,
): Promise<void> {
  const limit = deadline(signal, config.timeoutMs);
  const fail = (detail: string, cause?: unknown) =>
    new SidecarError('ERR_NOTIFY_WEBHOOK', {
      op: 'call the webhook',
      target: redactUrl(config.url),
      detail,
      cause,
      isLate: limit.signal.aborted && !signal.aborted,
      ...hintOnCertificate(cause, CASE_HINTS.webhookCertificate),
    });
  let answer: HttpAnswer;
  try {
    const { url, headers } = splitUserinfo(config.url);
    const hash = config.sendHash && { 'gitsync-hash': notification.oid };
    const method = config.method.toUpperCase();
    const body = event && Buffer.from(JSON.stringify(event));
    const trace = notification.trace && { traceparent: traceparent(notification.trace) };
    const type = body && { 'content-type': EVENT_CONTENT_TYPE };
    answer = await http.ask({
      method,
      url,
      headers: { ...headers, ...hash, ...trace, ...type },
      ...(body && { body }),
      signal: limit.signal,
    });
  } catch (error) {
    const { detail } = asSidecarError(error, 'call the webhook');
    throw fail(limit.signal.aborted ? `no answer within ${config.timeoutMs} ms` : detail, error);
  } finally {
    limit.dispose();
  }
  const { status, location } = answer;
  if (config.successStatus === undefined || status === config.successStatus) return;
  const elsewhere = location === undefined ? '' : ` (a redirect to ${redactUrl(location)}, which is not followed)`;
  throw fail(`the answer has status ${status}${elsewhere}, wanted ${config.successStatus}`);
}
