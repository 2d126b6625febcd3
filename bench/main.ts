import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { benchClone } from './clone.ts';
import { benchInto } from './into.ts';
import { benchNeeds } from './needs.ts';
import { benchPath } from './path.ts';
import { benchPoll } from './poll.ts';
import { benchRelay } from './relay.ts';
import { benchRun } from './run.ts';
import { benchTenants } from './tenants.ts';
import { benchUnits } from './units.ts';
import { benchUpdate } from './update.ts';

const PAGE = 'docs/performance.md';
/** Each part of the page, in its order; `npm run bench -- NAME…` measures some of them again and keeps the others. */
const SECTIONS = {
  poll: benchPoll,
  update: benchUpdate,
  needs: benchNeeds,
  clone: benchClone,
  into: benchInto,
  path: benchPath,
  run: benchRun,
  units: benchUnits,
  relay: benchRelay,
} as const;
type Name = keyof typeof SECTIONS;

const NAMES = Object.keys(SECTIONS) as Name[];
/** A quarter of an hour, only when it is asked for, and a part of another page. */
const SOAK = { name: 'tenants', page: 'docs/relay.md' } as const;
const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => name !== SOAK.name && !NAMES.includes(name as Name));
if (unknown.length > 0)
  throw new Error(`no section ${unknown.join(', ')}; there are ${NAMES.join(', ')}, ${SOAK.name}`);

const mark = (name: Name): string => `<!-- section ${name} -->`;

function sectionOf(page: string, name: Name): string {
  const [, rest = ''] = page.split(`${mark(name)}\n\n`);
  return rest.split('\n\n<!-- section ')[0]?.trimEnd() ?? '';
}

const machine = `${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), Node ${process.version}, ${execFileSync('git', ['version']).toString().trim()}`;
for (const name of NAMES) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  const text = await SECTIONS[name]();
  const before = readFileSync(PAGE, 'utf8');
  const parts = NAMES.map((each) => `${mark(each)}\n\n${each === name ? text : sectionOf(before, each)}`);
  const head = [
    '# Performance',
    '<!-- Made by `npm run bench`; do not edit. -->',
    `Measured on ${machine}, everything on loopback. Machines differ and are noisy: look at the ratios, which come from the same run.`,
  ];
  writeFileSync(PAGE, `${[...head, ...parts].join('\n\n')}\n`);
  process.stdout.write(`${text}\n`);
}

if (chosen.includes(SOAK.name)) {
  const text = await benchTenants();
  const [begin, end] = ['<!-- measured: tenants -->', '<!-- end of what was measured -->'];
  const before = readFileSync(SOAK.page, 'utf8');
  const [head, rest = ''] = before.split(begin);
  const [, tail] = rest.split(end);
  if (tail === undefined) throw new Error(`${SOAK.page} has no place for ${SOAK.name}`);
  writeFileSync(SOAK.page, `${head}${begin}\n\nOn ${machine}.\n\n${text}\n\n${end}${tail}`);
  process.stdout.write(`${text}\n`);
}
