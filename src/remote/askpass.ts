import { CASE_HINTS } from '../model/case-hints.ts';
import { asSidecarError, SidecarError } from '../model/error.ts';
import { deadline } from '../platform/deadline.ts';
import type { HttpClient } from '../platform/http-client.ts';
import { hintOnCertificate } from '../platform/no-answer.ts';
import { redactUrl } from '../platform/redact.ts';
import { splitUserinfo } from '../platform/url-userinfo.ts';

const TIMEOUT_MS = 1000;

function failure(url: string, detail: string, cause?: unknown, isLate = false): SidecarError {
  return new SidecarError('ERR_REMOTE_CREDENTIAL_SOURCE', {
    op: 'ask for credentials at',
    target: redactUrl(url),
    detail,
    cause,
    isLate,
    ...hintOnCertificate(cause, CASE_HINTS.credentialCertificate),
  });
}

/** Lines `key=value`, split at the first `=`; the last line of a key is used; a CR before the line end is dropped. */
export function readAskpassAnswer(body: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of body.split('\n')) {
    const equals = line.indexOf('=');
    if (equals > 0) found.set(line.slice(0, equals), line.slice(equals + 1).replace(/\r$/, ''));
  }
  return found;
}

/**
 * Asks the `--askpass-url` service: one GET, a second of time, no redirects, status 200 (compat.md 7).
 * An answer without a user name or without a password is an error: sent on as empty it would look like bad credentials.
 *
 * @throws SidecarError ERR_REMOTE_CREDENTIAL_SOURCE
 */
export async function askPassword(
  url: string,
  http: HttpClient,
  signal: AbortSignal,
): Promise<{ username: string; password: string }> {
  const limit = deadline(signal, TIMEOUT_MS);
  let answer: Awaited<ReturnType<HttpClient['askForText']>>;
  try {
    const { url: bare, headers } = splitUserinfo(url);
    answer = await http.askForText({ method: 'GET', url: bare, headers, signal: limit.signal });
  } catch (error) {
    const { detail } = asSidecarError(error, 'ask for credentials');
    const isLate = limit.signal.aborted;
    throw failure(url, isLate ? `no answer within ${TIMEOUT_MS} ms` : detail, error, isLate);
  } finally {
    limit.dispose();
  }
  if (answer.status !== 200) throw failure(url, `the answer has status ${answer.status}, wanted 200`);
  const lines = readAskpassAnswer(answer.body);
  const [username, password] = [lines.get('username'), lines.get('password')];
  if (username === undefined || password === undefined) {
    throw failure(url, `the answer has no line ${username === undefined ? 'username=' : 'password='}…`);
  }
  return { username, password };
}
