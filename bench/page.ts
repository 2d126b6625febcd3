import { readFileSync, writeFileSync } from 'node:fs';

const PAGE = 'docs/performance.md';
const mark = (name: string): string => `<!-- section ${name} -->`;

function sectionOf(page: string, name: string): string {
  const [, rest = ''] = page.split(`${mark(name)}\n\n`);
  return rest.split('\n\n<!-- section ')[0]?.trimEnd() ?? '';
}

/**
 * Puts what was measured into docs/performance.md; the other sections keep what they have.
 * @param names of all sections of the page, in their order
 */
export function writeSection(names: readonly string[], name: string, text: string, machine: string): void {
  const before = readFileSync(PAGE, 'utf8');
  const parts = names.map((each) => `${mark(each)}\n\n${each === name ? text : sectionOf(before, each)}`);
  const head = [
    '# Performance',
    '<!-- Made by `npm run bench`; do not edit. -->',
    `Measured on ${machine}, everything on loopback. Machines differ and are noisy: look at the ratios, which come from the same run.`,
  ];
  writeFileSync(PAGE, `${[...head, ...parts].join('\n\n')}\n`);
}

/** Puts what was measured into its place on another page. */
export function writeInto(path: string, name: string, text: string, machine: string): void {
  const [begin, end] = [`<!-- measured: ${name} -->`, '<!-- end of what was measured -->'];
  const [head, rest = ''] = readFileSync(path, 'utf8').split(begin);
  const [, tail] = rest.split(end);
  if (tail === undefined) throw new Error(`${path} has no place for ${name}`);
  writeFileSync(path, `${head}${begin}\n\nOn ${machine}.\n\n${text}\n\n${end}${tail}`);
}
