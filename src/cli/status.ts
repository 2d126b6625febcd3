import { EXIT } from '../app/outcome.ts';
import { withoutDefaultCertificates } from '../config/process-input.ts';
import { statusOf } from '../config/requests.ts';
import { CASE_HINTS } from '../model/case-hints.ts';
import { SidecarError } from '../model/error.ts';
import { HttpClient } from '../platform/http-client.ts';
import { hintOnCertificate, NoAnswer } from '../platform/no-answer.ts';
import { visibleLines } from '../platform/visible-text.ts';
import { columns } from './columns.ts';
import type { Call } from './perform.ts';

const PATIENCE_MS = 10_000;

/** What `/status` says of a unit, as far as it is shown here. */
interface UnitStatus {
  readonly kind?: unknown;
  readonly ready?: unknown;
  readonly ref?: unknown;
  readonly published?: { readonly oid?: unknown } | null;
  readonly running?: { readonly oid?: unknown } | null;
  readonly error?: unknown;
  readonly lastDeployment?: { readonly oid?: unknown; readonly outcome?: unknown; readonly reason?: unknown };
}

/** Outcomes of a deployment after which the revision before it keeps running. */
const FAILED_OUTCOMES: readonly unknown[] = ['build-failed', 'failed'];

const short = (oid: unknown): string => (typeof oid === 'string' ? oid.slice(0, 12) : '-');

function commitOf({ published, running }: UnitStatus): string {
  return short(running?.oid ?? published?.oid);
}

/** A unit that is ready may have left out the newest revision. */
function troubleOf({ ready, error, lastDeployment: last }: UnitStatus): string {
  if (ready !== true) return String(error ?? ready);
  if (!last || !FAILED_OUTCOMES.includes(last.outcome)) return '';
  return `${short(last.oid)} is not deployed: ${String(last.reason)}`;
}

function rowOf(name: string, unit: UnitStatus): readonly string[] {
  return [name, String(unit.kind), unit.ready === true ? 'ready' : 'not ready', commitOf(unit), troubleOf(unit)];
}

interface ProcessStatus {
  readonly units: Readonly<Record<string, UnitStatus>>;
  /** Why a changed document is not in force. */
  readonly trouble?: unknown;
}

function readStatus(body: string): ProcessStatus | undefined {
  try {
    const status = JSON.parse(body) as Partial<ProcessStatus>;
    return typeof status.units === 'object' ? { ...status, units: status.units } : undefined;
  } catch {
    // It is no JSON: another program answers there.
    return undefined;
  }
}

/** @throws SidecarError ERR_STATUS when there is no answer */
async function ask(client: HttpClient, url: URL): Promise<{ readonly status: number; readonly body: string }> {
  try {
    return await client.askForText({ method: 'GET', url, signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    const hint = hintOnCertificate(error, CASE_HINTS.credentialCertificate);
    const detail = `${url.origin}: ${error.detail}`;
    throw new SidecarError('ERR_STATUS', { op: 'ask', target: url.href, detail, cause: error, ...hint });
  }
}

/** `git-sidecar status`: 0 when every unit is ready. @throws SidecarError ERR_STATUS */
export async function startStatus({ loaded, env, io }: Call): Promise<number> {
  const { url, asJson } = statusOf(loaded);
  const answer = await ask(new HttpClient(env, withoutDefaultCertificates), url);
  const status = answer.status === 200 ? readStatus(answer.body) : undefined;
  if (!status) {
    const detail = `it answers ${answer.status}, and not what \`git-sidecar up\` answers`;
    throw new SidecarError('ERR_STATUS', { op: 'ask', target: url.href, detail });
  }
  const { units, trouble } = status;
  if (asJson) io.stdout(answer.body);
  else {
    const rows = Object.entries(units).map(([name, unit]) => rowOf(name, unit));
    io.stdout(columns([['UNIT', 'KIND', 'READY', 'COMMIT', ''], ...rows]));
    if (trouble !== undefined)
      io.stdout(`\nThe document has changed and is not in force:\n${visibleLines(String(trouble))}\n`);
  }
  return Object.values(units).every(({ ready }) => ready === true) ? EXIT.ok : EXIT.failure;
}
