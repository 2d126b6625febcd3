import { readFile } from 'node:fs/promises';
import { withoutDefaultCertificates } from '../config/process-input.ts';
import type { FleetRequest } from '../config/requests.ts';
import type { EnvironmentVariables } from '../config/settings.ts';
import { CASE_HINTS } from '../model/case-hints.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import { HttpClient } from '../platform/http-client.ts';
import { hintOnCertificate, NoAnswer } from '../platform/no-answer.ts';
import { visibleText } from '../platform/visible-text.ts';
import type { RolloutEntry } from './fleet-text.ts';

const PATIENCE_MS = 10_000;

interface Answer {
  readonly status: number;
  readonly body: string;
}

export type Ask = (method: 'GET' | 'POST', path: string, body?: object) => Promise<Answer>;

async function readToken({ tokenFile }: FleetRequest): Promise<string | undefined> {
  if (tokenFile === undefined) return undefined;
  try {
    return (await readFile(tokenFile, 'utf8')).trim();
  } catch (cause) {
    throw new SidecarError('ERR_FLEET', { op: 'read the token', target: tokenFile, detail: messageOf(cause), cause });
  }
}

/** @throws SidecarError ERR_FLEET; what it returns does so too when there is no answer */
export async function askRelay(request: FleetRequest, env: EnvironmentVariables): Promise<Ask> {
  const client = new HttpClient(env, withoutDefaultCertificates);
  const { url } = request;
  const token = await readToken(request);
  const base = url.href.replace(/\/+$/, '');
  return async (method, path, body) => {
    const headers = {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body && { 'content-type': 'application/json' }),
    };
    try {
      return await client.askForText({
        method,
        url: new URL(`${base}${path}`),
        headers,
        signal: AbortSignal.timeout(PATIENCE_MS),
        ...(body && { body: Buffer.from(JSON.stringify(body)) }),
      });
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      const hint = hintOnCertificate(error, CASE_HINTS.credentialCertificate);
      const detail = `${url.origin}: ${error.detail}`;
      throw new SidecarError('ERR_FLEET', { op: 'ask the relay', target: url.origin, detail, cause: error, ...hint });
    }
  };
}

/** What is said of an answer that is not the expected one. */
export function refusal({ status, body }: Answer, op: string): SidecarError {
  let detail = body.trim();
  try {
    detail = String((JSON.parse(body) as { readonly detail?: unknown }).detail ?? detail);
  } catch {
    // It is a text.
  }
  return new SidecarError('ERR_FLEET', { op, detail: `${status}: ${visibleText(detail).slice(0, 500)}` });
}

interface ReadRollouts {
  readonly body: string;
  readonly rollouts: readonly RolloutEntry[];
  /** Why relays that decide as one do not do so; null while they do, or where one relay decides alone. */
  readonly trouble: string | null;
}

/** @throws SidecarError ERR_FLEET */
export async function readRollouts(ask: Ask): Promise<ReadRollouts> {
  const answer = await ask('GET', '/rollouts');
  if (answer.status !== 200) throw refusal(answer, 'ask for the rollouts');
  try {
    const { rollouts, sharing } = JSON.parse(answer.body) as {
      readonly rollouts?: unknown;
      readonly sharing?: { readonly trouble?: string | null };
    };
    if (Array.isArray(rollouts))
      return { body: answer.body, rollouts: rollouts as RolloutEntry[], trouble: sharing?.trouble ?? null };
  } catch {
    // Another program answers there.
  }
  throw refusal({ status: answer.status, body: 'the answer is not that of a relay' }, 'ask for the rollouts');
}
