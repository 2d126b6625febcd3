import { bounded, settledWithin } from '../platform/bounded.ts';
import type { Environment } from '../platform/process/runner.ts';
import { Examination } from './examination.ts';
import { type Finding, wrong } from './finding.ts';
import { checkMemory } from './machine.ts';
import type { Parts } from './parts.ts';
import type { Patient, PatientUnit } from './patient.ts';
import { checkPort } from './port.ts';
import { checkProgram, programsOf } from './programs.ts';
import { checkRoot } from './root.ts';

/** How long what was given up may take to clean up. */
const SETTLE_MS = 1000;

export interface Examined {
  readonly findings: readonly Finding[];
  /**
   * Waits for questions that were given up and cannot be interrupted, such as one for a name, at most so long. Node can
   * end with a status of its own only when they are over.
   */
  settled(ms: number): Promise<void>;
}

/** Begins the checks of one unit; what is heavy is loaded for the kinds that are there. */
async function beginUnit(
  examination: Examination,
  unit: PatientUnit,
  parts: Parts,
  signal: AbortSignal,
): Promise<void> {
  if (unit.kind === 'relay') {
    const { examineRelay } = await import('./relay.ts');
    await examineRelay(examination, unit.config, parts, signal);
    return;
  }
  const { examineSync } = await import('./sync.ts');
  if (unit.kind === 'sync') {
    await examineSync(examination, unit.config, parts, signal);
    return;
  }
  const { examineRun } = await import('./run.ts');
  examineRun(examination, unit.config, signal, unit.from);
  if (unit.config.sync) await examineSync(examination, unit.config.sync, parts, signal);
}

/**
 * Runs all checks. What they made is removed before this resolves, also when the signal ends them.
 * @param patient undefined: the configuration cannot be read, and only what needs none is looked at
 */
export async function examine(
  patient: Patient | undefined,
  environment: Environment,
  parts: Parts,
  signal: AbortSignal,
): Promise<Examined> {
  const hintOf: Patient['hintOf'] = patient?.hintOf ?? (({ hint }) => hint);
  const ofProcess = new Examination({ signal, hintOf });
  checkMemory(ofProcess);
  if (!patient) {
    for (const program of programsOf({ git: 'git', lfs: false })) checkProgram(ofProcess, program, environment, parts);
    const untried = { mark: 'untried', reason: 'not tried, because options failed', because: 'options' } as const;
    ofProcess.check({ name: 'everything else', target: 'all that the options describe', look: () => untried });
    return { findings: await ofProcess.findings(), settled: async (ms) => await ofProcess.settled(ms) };
  }
  if (patient.addresses.length === 0) checkPort(ofProcess, '--http-bind', undefined);
  for (const address of patient.addresses) checkPort(ofProcess, '--http-bind', address);
  if (patient.store !== undefined)
    checkRoot(ofProcess, { root: patient.store, option: 'store', holdsRepository: false, moveAside: false }, signal);
  const beginnings: Promise<void>[] = [];
  const examinations = await Promise.all(
    patient.units.map(async (unit) => {
      const examination = new Examination({ signal, hintOf, ...(unit.name !== undefined && { unit: unit.name }) });
      const beginning = beginUnit(examination, unit, parts, signal);
      beginnings.push(beginning);
      await bounded(beginning, signal).catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        examination.check({
          name: unit.kind,
          target: 'checks',
          look: () => wrong(`not all could begin: ${reason}`, 'correct what is wrong above, and run this again'),
        });
      });
      return examination;
    }),
  );
  const all = [ofProcess, ...examinations];
  const findings = (await Promise.all(all.map(async (each) => await each.findings()))).flat();
  await parts.runner.endAll();
  await Promise.all(all.map(async (each) => await each.settled(SETTLE_MS)));
  await settledWithin(Promise.allSettled(beginnings), SETTLE_MS);
  await Promise.all(parts.cleanups.map(async (clean) => await clean().catch(() => undefined)));
  return { findings, settled: async (ms) => void (await Promise.all(all.map(async (each) => await each.settled(ms)))) };
}
