import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { messageOf } from '../src/model/error.ts';
import { helpText, type Order, readOrder } from './command-line.ts';
import { type GitSyncBinary, openGitSync } from './git-sync.ts';
import { writeInto, writeSection } from './page.ts';
import { SECTIONS } from './sections.ts';
import { smoke } from './smoke.ts';

async function measure(order: Order, gitSync: GitSyncBinary | undefined): Promise<void> {
  const machine = `${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), Node ${process.version}, ${execFileSync('git', ['version']).toString().trim()}`;
  const names = SECTIONS.filter(({ page }) => page === undefined).map(({ name }) => name);
  for (const section of SECTIONS.filter(({ name }) => order.sections.includes(name))) {
    const text = await section.measure({ gitSync, output: 'docs' });
    if (section.page === undefined) writeSection(names, section.name, text, machine);
    else writeInto(section.page, section.name, text, machine);
    process.stdout.write(`${text}\n`);
  }
}

/** @returns the exit status */
async function main(words: readonly string[]): Promise<number> {
  let order: Order;
  let gitSync: GitSyncBinary | undefined;
  try {
    order = readOrder(words, SECTIONS);
    gitSync = order.gitSync === undefined ? undefined : openGitSync(order.gitSync);
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\nSee npm run bench -- --help.\n`);
    return 2;
  }
  if (order.help) {
    process.stdout.write(helpText(SECTIONS));
    return 0;
  }
  const chosen = SECTIONS.filter(({ name }) => order.sections.includes(name));
  if (order.smoke) return (await smoke(chosen, gitSync)) ? 0 : 1;
  await measure(order, gitSync);
  return 0;
}

// A section that failed may have left a timer behind.
process.exit(await main(process.argv.slice(2)));
