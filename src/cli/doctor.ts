import { EXIT } from '../app/outcome.ts';
import { buildSyncConfig } from '../config/build-config.ts';
import { patientOf } from '../config/doctor-words.ts';
import { hintFor } from '../config/hint-words.ts';
import { load } from '../config/load.ts';
import { withoutDefaultCertificates } from '../config/process-input.ts';
import { outputOf } from '../config/requests.ts';
import { Examination } from '../doctor/examination.ts';
import { wrong } from '../doctor/finding.ts';
import { checkMemory } from '../doctor/machine.ts';
import { isWell, jsonReport, textReport } from '../doctor/report.ts';
import { examineSync } from '../doctor/sync.ts';
import { layoutOfLink } from '../fetch/layout.ts';
import { systemClock } from '../platform/clock.ts';
import { createProcessRunner } from '../platform/process.ts';
import { Redactor } from '../platform/redact.ts';
import type { Call } from './perform.ts';

/** From the first check to the last; with the start of the process and its end it is over within 15 s. */
const ALL_MS = 12_500;

export async function startDoctor({ loaded: own, rest, env, io }: Call): Promise<number> {
  const asJson = outputOf(own) === 'json';
  const redactor = new Redactor();
  const stopping = new AbortController();
  const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(ALL_MS)]);
  const { argv } = patientOf(rest);
  const loaded = load('sync', argv, env, layoutOfLink);
  const config = buildSyncConfig(loaded.settings, env);
  for (const { text, user } of config.secrets) redactor.add(text, user);
  const parts = {
    clock: systemClock,
    random: Math.random,
    runner: createProcessRunner(),
    redactor,
    withoutDefaults: withoutDefaultCertificates,
  };
  const examination = new Examination({ signal, hintOf: (error) => hintFor(error, loaded.settings) });
  checkMemory(examination);
  const examined = await examineSync(examination, config, parts, signal, { checksPort: true });
  const findings = await examination.findings();
  await examined.dispose();
  await parts.runner.endAll();
  io.stdout(redactor.redact((asJson ? jsonReport : textReport)(findings)));
  void wrong;
  return isWell(findings) ? EXIT.ok : EXIT.failure;
}
