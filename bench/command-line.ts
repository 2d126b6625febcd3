/** What the bench is to do. */
export interface Order {
  /** Names of sections, in the order of the page. */
  readonly sections: readonly string[];
  /** Path of a git-sync program. */
  readonly gitSync: string | undefined;
  /** Only show that every section works; nothing is written into the pages. */
  readonly smoke: boolean;
  readonly help: boolean;
}

/** A section, as far as the command line needs to know it. */
export interface Named {
  readonly name: string;
  readonly what: string;
  /** It runs only when it is named. */
  readonly onRequest?: boolean;
}

/** @throws Error for what is no section or option of the bench */
export function readOrder(words: readonly string[], sections: readonly Named[]): Order {
  const named = words.filter((word) => !word.startsWith('-'));
  const options = words.filter((word) => word.startsWith('-'));
  const names = sections.map(({ name }) => name);
  const unknown = named.filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`no section ${unknown.join(', ')}; there are ${names.join(', ')}`);
  const order = { gitSync: undefined as string | undefined, smoke: false, help: false };
  for (const option of options) {
    const path = /^--git-sync=(.+)$/.exec(option)?.[1];
    if (path !== undefined) order.gitSync = path;
    else if (option === '--smoke') order.smoke = true;
    else if (option === '--help' || option === '-h') order.help = true;
    else if (/^--git-sync=?$/.test(option))
      throw new Error('--git-sync needs a path: --git-sync=/usr/local/bin/git-sync');
    else throw new Error(`no option ${option}; there are --git-sync=PATH, --smoke and --help`);
  }
  const isChosen = ({ name, onRequest }: Named): boolean =>
    named.length > 0 ? named.includes(name) : !onRequest || order.smoke;
  return { ...order, sections: sections.filter(isChosen).map(({ name }) => name) };
}

export function helpText(sections: readonly Named[]): string {
  const width = Math.max(...sections.map(({ name }) => name.length));
  const lines = sections.map(({ name, what, onRequest }) => {
    return `  ${name.padEnd(width)}  ${what}${onRequest ? ' (only when it is named)' : ''}`;
  });
  return `Usage: npm run bench -- [--git-sync=PATH] [--smoke] [SECTION…]

Measures, and writes what was measured into docs/performance.md. Without names all sections are measured; the others
keep what they have. It needs root, control groups, nginx and sshd, and a quiet machine.

  --git-sync=PATH  a git-sync v4 program; it is measured beside our loop of its commands
  --smoke          the least of every section, to show that it works; nothing is written into docs/
  --help           this text

Sections:
${lines.join('\n')}

Each size can be set by a variable: see the calls of size() in bench/.
`;
}
