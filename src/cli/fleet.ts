import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { EXIT } from '../app/outcome.ts';
import { withoutDefaultCertificates } from '../config/process-input.ts';
import { type FleetRequest, fleetOf } from '../config/requests.ts';
import { CASE_HINTS } from '../model/case-hints.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import { HttpClient } from '../platform/http-client.ts';
import { hintOnCertificate, NoAnswer } from '../platform/no-answer.ts';
import { visibleText } from '../platform/visible-text.ts';
import { columns } from './columns.ts';
import type { Call } from './perform.ts';

const PATIENCE_MS = 10_000;
const ASK_EVERY_MS = 1000;

/** What `GET /rollouts` of a relay shows of a ref, as far as it is shown here. */
interface RolloutEntry {
  readonly repository: string;
  readonly ref: string;
  readonly status: string;
  readonly why: string;
  readonly oid: string | null;
  readonly completed: string | null;
  readonly refused: readonly string[];
  readonly stages: readonly StageEntry[];
  readonly journal: readonly { readonly what: string; readonly oid?: string }[];
}

interface StageEntry {
  readonly name: string;
  readonly instances: number;
  readonly done: number;
  readonly failed: number;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

type Ask = (method: 'GET' | 'POST', path: string, body?: object) => Promise<Answer>;

const short = (oid: unknown): string => (typeof oid === 'string' ? oid.slice(0, 12) : '-');

async function readToken({ tokenFile }: FleetRequest): Promise<string | undefined> {
  if (tokenFile === undefined) return undefined;
  try {
    return (await readFile(tokenFile, 'utf8')).trim();
  } catch (cause) {
    throw new SidecarError('ERR_FLEET', { op: 'read the token', target: tokenFile, detail: messageOf(cause), cause });
  }
}

/** @throws SidecarError ERR_FLEET when there is no answer */
function askRelay(client: HttpClient, url: URL, token: string | undefined): Ask {
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

function refusal({ status, body }: Answer, op: string): SidecarError {
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
async function readRollouts(ask: Ask): Promise<ReadRollouts> {
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

function progressOf({ stages }: RolloutEntry): string {
  return stages
    .filter(({ instances }) => instances > 0)
    .map(
      ({ name, done, instances, failed }) => `${name} ${done}/${instances}${failed > 0 ? ` (${failed} failed)` : ''}`,
    )
    .join(', ');
}

function show(rollouts: readonly RolloutEntry[]): string {
  if (rollouts.length === 0) return 'No policy of this relay governs a ref that you may see.\n';
  const rows = rollouts.map((entry) => {
    const { repository, ref, status, oid, why } = entry;
    return [`${repository}#${ref.replace(/^refs\/heads\//, '')}`, status, short(oid), progressOf(entry), why];
  });
  return columns([['REF', 'STATUS', 'COMMIT', 'STAGES', ''], ...rows]);
}

/** How the rollout of `commit` ended; undefined while it goes on. */
function outcomeFor({ completed, refused, status, oid, journal }: RolloutEntry, commit: string): boolean | undefined {
  const isIt = (each: string | null | undefined): boolean => each?.startsWith(commit) ?? false;
  // One that completed once may have been taken back since.
  if (refused.some(isIt) || (isIt(oid) && (status === 'halted' || status === 'reverting'))) return false;
  const hasCompleted = isIt(completed) || journal.some(({ what, oid: done }) => what === 'completed' && isIt(done));
  return hasCompleted ? true : undefined;
}

async function wait(request: FleetRequest, ask: Ask, { io }: Call): Promise<number> {
  const { repository, ref, commit = '', withinMs } = request;
  const end = Date.now() + withinMs;
  for (let shown = ''; ; ) {
    const { rollouts } = await readRollouts(ask);
    const entry = rollouts.find((each) => each.repository === repository && each.ref === ref);
    if (!entry) {
      const detail = 'no policy of the relay governs it, or nobody follows it yet';
      throw new SidecarError('ERR_FLEET', { op: 'wait for', target: `${repository}#${ref}`, detail });
    }
    const line = visibleText(`${entry.status} ${short(entry.oid)}: ${progressOf(entry)} ${entry.why}`.trim());
    if (line !== shown) io.stdout(`${line}\n`);
    shown = line;
    const outcome = outcomeFor(entry, commit);
    if (outcome !== undefined) return outcome ? EXIT.ok : EXIT.failure;
    if (Date.now() >= end) {
      const detail = `it has not completed within ${Math.round(withinMs / 1000)} s`;
      throw new SidecarError('ERR_FLEET', { op: 'wait for', target: commit, detail });
    }
    await delay(ASK_EVERY_MS);
  }
}

/** `git-sidecar fleet`. @throws SidecarError ERR_FLEET */
export async function startFleet(call: Call): Promise<number> {
  const { loaded, env, io } = call;
  const request = fleetOf(loaded);
  const ask = askRelay(new HttpClient(env, withoutDefaultCertificates), request.url, await readToken(request));
  const { verb, repository, ref, commit, who, why } = request;
  if (verb === 'wait') return await wait(request, ask, call);
  if (verb === 'show') {
    const { body, rollouts, trouble } = await readRollouts(ask);
    io.stdout(request.asJson ? body : show(rollouts));
    if (trouble !== null && !request.asJson) io.stdout(`${visibleText(trouble)}\n`);
    return EXIT.ok;
  }
  const query = new URLSearchParams({ repo: repository, ref });
  const order = { order: verb, who, why, ...(commit !== undefined && { to: commit }) };
  const answer = await ask('POST', `/rollouts?${query}`, order);
  if (answer.status !== 200) throw refusal(answer, verb);
  io.stdout(request.asJson ? answer.body : show([JSON.parse(answer.body) as RolloutEntry]));
  return EXIT.ok;
}
