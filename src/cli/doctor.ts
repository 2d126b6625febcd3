import { EXIT } from '../app/outcome.ts';
import { childEnvironment } from '../config/environment.ts';
import { outputOf } from '../config/requests.ts';
import { examine } from '../doctor/examine.ts';
import { readLeniently } from '../doctor/lenient-patient.ts';
import { isWell, jsonReport, textReport } from '../doctor/report.ts';
import { systemClock } from '../platform/clock.ts';
import { createProcessRunner } from '../platform/process/runner.ts';
import { Redactor } from '../platform/redact.ts';
import type { Call } from './perform.ts';

/** From the first check to the last; with the start of the process and its end it is over within 15 s. */
const ALL_MS = 11_000;
const LAST_MS = 13_000;
const STOPS = { SIGTERM: EXIT.terminate, SIGINT: EXIT.interrupt, SIGHUP: EXIT.hangup } as const;

/** `git-sidecar doctor`: 0 when nothing is wrong. */
export async function startDoctor({ loaded, rest, env, cwd, io }: Call): Promise<number> {
  const asJson = outputOf(loaded) === 'json';
  const { patient, findings: ofOptions } = readLeniently(rest, env, cwd);
  // Node writes the title over the arguments, so a secret given as a flag is no longer shown by ps.
  if (patient?.hidesArguments) process.title = 'git-sidecar doctor';
  const redactor = new Redactor();
  for (const { text, user } of patient?.secrets ?? []) redactor.add(text, user);
  const stopping = new AbortController();
  let status: number | undefined;
  for (const [name, code] of Object.entries(STOPS))
    process.once(name, () => {
      status ??= code;
      stopping.abort();
    });
  const parts = { clock: systemClock, runner: createProcessRunner(), redactor, cleanups: [] };
  const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(ALL_MS)]);
  const before = systemClock.monotonic();
  const examined = await examine(patient, childEnvironment(env), parts, signal);
  const findings = [...ofOptions, ...examined.findings];
  if (status !== undefined) return status;
  io.stdout(redactor.redact(asJson ? jsonReport(findings) : textReport(findings)));
  await examined.settled(Math.max(0, LAST_MS - (systemClock.monotonic() - before)));
  if (status !== undefined) return status;
  return isWell(findings) ? EXIT.ok : EXIT.failure;
}
