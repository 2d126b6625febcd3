import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../src/model/error.ts';
import { findProgram } from '../test/peers/programs.ts';
import { faultsOf } from './check-tables.ts';
import type { Conditions } from './conditions.ts';
import { createControlGroup } from './control-group.ts';
import type { Section } from './sections.ts';

/** Most of a small section is waiting. */
const AT_ONCE = 5;

/** Why a section cannot be measured on this machine; undefined when it can. */
function reasonAgainst({ programs, mounts }: Section): string | undefined {
  const absent = programs.filter((program) => findProgram(program) === undefined);
  if (absent.length > 0) return `this machine lacks ${absent.join(', ')}`;
  return mounts && !existsSync('/dev/loop-control') ? 'this machine has no loop devices' : undefined;
}

function reasonAgainstAll(): string | undefined {
  if (process.getuid?.() !== 0) return 'the bench needs root';
  try {
    createControlGroup('probe').remove();
    return undefined;
  } catch (error) {
    return `no control groups: ${messageOf(error)}`;
  }
}

/** @returns what is wrong with it */
async function tryOut(section: Section, conditions: Conditions): Promise<string[]> {
  const { name, measure, tables } = section;
  const reason = reasonAgainst(section);
  if (reason !== undefined) {
    process.stdout.write(`skipped: ${name}: ${reason}\n`);
    return [];
  }
  const before = performance.now();
  try {
    const text = await measure(conditions);
    const faults = faultsOf(text, tables(conditions.gitSync ? 2 : 1)).map((fault) => `${name}: ${fault}`);
    process.stdout.write(`${faults.length === 0 ? 'works' : `fails\n${text}`}: ${name}, ${seconds(before)} s\n`);
    return faults;
  } catch (error) {
    return [`${name}: ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}`];
  }
}

const seconds = (before: number): string => ((performance.now() - before) / 1000).toFixed(1);

/** Tries each section with the least work, and looks at its tables. @returns whether all of them work */
export async function smoke(sections: readonly Section[], gitSync: Conditions['gitSync']): Promise<boolean> {
  const reason = reasonAgainstAll();
  if (reason !== undefined) {
    process.stdout.write(`skipped: the benches are not tried out: ${reason}\n`);
    return true;
  }
  const output = mkdtempSync(join(tmpdir(), 'git-sidecar-bench-smoke-'));
  const faults: string[] = [];
  const queue = sections.filter(({ alone }) => !alone);
  const work = async (): Promise<void> => {
    for (let section = queue.shift(); section; section = queue.shift())
      faults.push(...(await tryOut(section, { gitSync, output })));
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    for (const section of sections.filter(({ alone }) => alone))
      faults.push(...(await tryOut(section, { gitSync, output })));
  } finally {
    rmSync(output, { recursive: true, force: true });
  }
  for (const fault of faults) process.stderr.write(`${fault}\n`);
  return faults.length === 0;
}
