import { EXIT } from '../app/outcome.ts';
import { withoutDefaultCertificates } from '../config/process-input.ts';
import { statusOf } from '../config/requests.ts';
import { SidecarError } from '../model/error.ts';
import { HttpClient } from '../platform/http-client.ts';
import { visibleText } from '../platform/visible-text.ts';
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
}

function commitOf({ published, running }: UnitStatus): string {
  const oid = running?.oid ?? published?.oid;
  return typeof oid === 'string' ? oid.slice(0, 12) : '-';
}

function rowOf(name: string, unit: UnitStatus): readonly string[] {
  const trouble = unit.ready === true ? '' : String(unit.error ?? unit.ready);
  return [name, String(unit.kind), unit.ready === true ? 'ready' : 'not ready', commitOf(unit), trouble];
}

/** Lines in columns; what comes from outside holds no line break and no terminal code. */
function table(rows: readonly (readonly string[])[]): string {
  const shown = rows.map((row) => row.map(visibleText));
  const widths = (shown[0] ?? []).map((_, column) => Math.max(...shown.map((row) => row[column]?.length ?? 0)));
  return shown
    .map(
      (row) =>
        `${row
          .map((cell, at) => cell.padEnd(widths[at] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

function readUnits(body: string): Readonly<Record<string, UnitStatus>> | undefined {
  try {
    const { units } = JSON.parse(body) as { units?: Record<string, UnitStatus> };
    return typeof units === 'object' ? units : undefined;
  } catch {
    // It is no JSON: another program answers there.
    return undefined;
  }
}

/** `git-sidecar status`: 0 when every unit is ready. @throws SidecarError ERR_STATUS */
export async function startStatus({ loaded, env, io }: Call): Promise<number> {
  const { url, asJson } = statusOf(loaded);
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const client = new HttpClient(env, withoutDefaultCertificates);
  const answer = await client.askForText({ method: 'GET', url, signal });
  const units = answer.status === 200 ? readUnits(answer.body) : undefined;
  if (!units) {
    const detail = `it answers ${answer.status}, and not what \`git-sidecar up\` answers`;
    throw new SidecarError('ERR_STATUS', { op: 'ask', target: url.href, detail });
  }
  if (asJson) io.stdout(answer.body);
  else
    io.stdout(
      table([
        ['UNIT', 'KIND', 'READY', 'COMMIT', ''],
        ...Object.entries(units).map(([name, unit]) => rowOf(name, unit)),
      ]),
    );
  return Object.values(units).every(({ ready }) => ready === true) ? EXIT.ok : EXIT.failure;
}
