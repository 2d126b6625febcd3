/** What a table of a section has to hold. */
export interface ExpectedTable {
  /** Head of its first column. */
  readonly first: string;
  readonly rows: number;
  /** Heads of further columns that hold words; in all others each cell begins with a number, or is a dash. */
  readonly words?: readonly string[];
  /** Cells of it may be empty. */
  readonly gaps?: boolean;
}

interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const cellsOf = (line: string): string[] =>
  line
    .replace(/^\||\|$/g, '')
    .split('|')
    .map((cell) => cell.trim());

/** The Markdown tables of a text. */
export function tablesOf(text: string): Table[] {
  return text.split('\n\n').flatMap((block) => {
    const lines = block.split('\n');
    if (!lines.every((line) => /^\|.*\|$/.test(line)) || !/^\|(?: --- \|)+$/.test(lines[1] ?? '')) return [];
    const [head = '', , ...rows] = lines;
    return [{ head: cellsOf(head), rows: rows.map(cellsOf) }];
  });
}

/** Words in front of a number are allowed in brackets: `(needs) 150`. */
const NUMBER = /^(?:\(\w+\) )?\d|^–$|^more than \d/;
const NO_VALUE = /NaN|Infinity|undefined|null/;

function faultsOfRow({ head }: Table, row: readonly string[], expected: ExpectedTable): string[] {
  if (row.length !== head.length) return [`${row.length} cells below ${head.length} heads`];
  return row.flatMap((cell, at) => {
    const name = head[at] ?? '';
    if (NO_VALUE.test(cell)) return [`“${name}” has no value: ${cell}`];
    if (cell === '') return expected.gaps ? [] : [`“${name}” is empty`];
    const isNumber = at > 0 && !expected.words?.includes(name);
    return isNumber && !NUMBER.test(cell) ? [`“${name}” is no number: ${cell}`] : [];
  });
}

/** @returns in words what is wrong with the tables of a section; nothing when they are as expected */
export function faultsOf(text: string, expected: readonly ExpectedTable[]): string[] {
  const tables = tablesOf(text);
  if (tables.length !== expected.length) return [`${tables.length} tables instead of ${expected.length}`];
  return expected.flatMap((each, index) => {
    const table = tables[index] ?? { head: [], rows: [] };
    const place = `table ${index + 1}`;
    if (table.head[0] !== each.first) return [`${place} begins with “${table.head[0]}” instead of “${each.first}”`];
    if (table.rows.length !== each.rows) return [`${place} has ${table.rows.length} rows instead of ${each.rows}`];
    return table.rows.flatMap((row, at) =>
      faultsOfRow(table, row, each).map((fault) => `${place}, row ${at + 1}: ${fault}`),
    );
  });
}
