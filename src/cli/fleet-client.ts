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

export interface Question {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: object;
  /** In milliseconds. */
  readonly patienceMs?: number;
}

/** @throws SidecarError ERR_FLEET_UNREACHABLE where another attempt may get an answer, else ERR_FLEET */
export type Ask = (question: Question) => Promise<Answer>;

async function readToken({ tokenFile }: FleetRequest): Promise<string | undefined> {
  if (tokenFile === undefined) return undefined;
  try {
    return (await readFile(tokenFile, 'utf8')).trim();
  } catch (cause) {
    throw new SidecarError('ERR_FLEET', { op: 'read the token', target: tokenFile, detail: messageOf(cause), cause });
  }
}

/** @throws SidecarError ERR_FLEET when the token cannot be read */
export async function askRelay(request: FleetRequest, env: EnvironmentVariables): Promise<Ask> {
  const client = new HttpClient(env, withoutDefaultCertificates);
  const { url } = request;
  const token = await readToken(request);
  const base = url.href.replace(/\/+$/, '');
  return async ({ method, path, body, patienceMs = PATIENCE_MS }) => {
    const headers = {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body && { 'content-type': 'application/json' }),
    };
    try {
      return await client.askForText({
        method,
        url: new URL(`${base}${path}`),
        headers,
        signal: AbortSignal.timeout(Math.min(patienceMs, PATIENCE_MS)),
        ...(body && { body: Buffer.from(JSON.stringify(body)) }),
      });
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      const hint = hintOnCertificate(error, CASE_HINTS.credentialCertificate);
      const detail = `${url.origin}: ${error.detail}`;
      const code = error.isCertificate ? 'ERR_FLEET' : 'ERR_FLEET_UNREACHABLE';
      throw new SidecarError(code, { op: 'ask the relay', target: url.origin, detail, cause: error, ...hint });
    }
  };
}

/** What a relay, or a proxy before it, answers while it is busy or not there. */
function isPassing(status: number): boolean {
  return status >= 500 || status === 408 || status === 429;
}

/** An answer that is not the expected one, as text on one line. */
function textOf({ status, body }: Answer): string {
  let detail = body.trim();
  try {
    detail = String((JSON.parse(body) as { readonly detail?: unknown }).detail ?? detail);
  } catch {
    // It is a text.
  }
  return `${status}: ${visibleText(detail).slice(0, 500)}`;
}

/** @returns the body of the answer @throws SidecarError ERR_FLEET_ORDER and what {@link Ask} throws */
export async function giveOrder(ask: Ask, { repository, ref, verb, who, why, commit }: FleetRequest): Promise<string> {
  const body = { order: verb, who, why, ...(commit !== undefined && { to: commit }) };
  const path = `/rollouts?${new URLSearchParams({ repo: repository, ref })}`;
  const answer = await ask({ method: 'POST', path, body });
  if (answer.status === 200) return answer.body;
  throw new SidecarError('ERR_FLEET_ORDER', { op: verb, target: `${repository}#${ref}`, detail: textOf(answer) });
}

export interface ReadRollouts {
  readonly body: string;
  readonly rollouts: readonly RolloutEntry[];
  /** Why relays that decide as one do not do so; null while they do, or where one relay decides alone. */
  readonly trouble: string | null;
}

/** @throws SidecarError as {@link Ask} does */
export async function readRollouts(ask: Ask, patienceMs?: number): Promise<ReadRollouts> {
  const answer = await ask({ method: 'GET', path: '/rollouts', ...(patienceMs !== undefined && { patienceMs }) });
  const op = 'ask for the rollouts';
  if (answer.status !== 200) {
    const code = isPassing(answer.status) ? 'ERR_FLEET_UNREACHABLE' : 'ERR_FLEET';
    throw new SidecarError(code, { op, detail: textOf(answer) });
  }
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
  throw new SidecarError('ERR_FLEET', { op, detail: 'the answer is not that of a relay' });
}
