import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { GIT_ENV } from './upstream.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

/** Names that are allowed on Linux and that text handles badly; no two are equal, as bytes or as text. */
export const ODD_NAMES: readonly Buffer[] = [
  bytes('caf\xe9.txt'),
  bytes('\xff\xfe\x80'),
  bytes('overlong \xc0\xaf'),
  bytes('surrogate \xed\xa0\x80'),
  bytes('cut off \xe2\x82'),
  Buffer.from('café'),
  Buffer.from('cafe\u0301'),
  Buffer.from('\ufffd'),
  Buffer.from('𝒳 emoji 🦆'),
  Buffer.from('\u2028\u202e\u200b'),
  bytes('new\nline'),
  bytes('tab\tand\rreturn'),
  bytes('quote"s and \'s'),
  bytes('back\\slash\\n\\xe9'),
  bytes('escape \x1b[31m and \x7f'),
  bytes('-rf'),
  bytes('--'),
  bytes(' leading and trailing '),
  bytes('...'),
  bytes('$(touch hacked) `x` ;|&*?[x]'),
  bytes('%s%n:(glob)*'),
  bytes('\xe9'.repeat(255)),
  bytes('x'.repeat(255)),
];

export const ODD_DIRECTORY = bytes('d\xe9\n');

/** Files and symlinks by path, as bytes. */
export type ByteFiles = readonly (readonly [path: Buffer, content: string | { readonly link: Buffer }])[];

const join = (...parts: readonly Buffer[]): Buffer =>
  Buffer.concat(parts.flatMap((part, index) => (index === 0 ? [part] : [Buffer.from('/'), part])));

/** A file of each name at the top, in a directory that is oddly named too, and a symlink to the first one. */
export function oddFiles(content: string): ByteFiles {
  const [first = bytes('x')] = ODD_NAMES;
  return [
    ...ODD_NAMES.map((name) => [name, content] as const),
    ...ODD_NAMES.map((name) => [join(ODD_DIRECTORY, name), `deep ${content}`] as const),
    [bytes('link\xe8'), { link: first }],
    [bytes('version'), content],
  ];
}

/** A path as fast-import reads it: in quotes, bytes as octal numbers (git-fast-import, "filemodify"). */
export function quoteBytes(path: Buffer): string {
  const quoted = [...path].map((byte) =>
    byte > 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c
      ? String.fromCharCode(byte)
      : `\\${byte.toString(8).padStart(3, '0')}`,
  );
  return `"${quoted.join('')}"`;
}

/** Commits exactly these files to main of a bare repository, without a file system in between. Returns the commit. */
export function commitBytes(bare: string, files: ByteFiles): string {
  const input: Buffer[] = [];
  const put = (line: string | Buffer): void => void input.push(Buffer.from(line), Buffer.from('\n'));
  const isFirst = execFileSync('git', ['for-each-ref', 'refs/heads/main'], { cwd: bare, env: GIT_ENV }).length === 0;
  put('commit refs/heads/main\ncommitter C <c@example.com> 1700000000 +0000\ndata 1\nx');
  if (!isFirst) put('from refs/heads/main^0');
  put('deleteall');
  for (const [path, content] of files) {
    const data = typeof content === 'string' ? Buffer.from(content) : content.link;
    put(`M ${typeof content === 'string' ? '100644' : '120000'} inline ${quoteBytes(path)}\ndata ${data.length}`);
    put(data);
  }
  execFileSync('git', ['fast-import', '--quiet', '--force'], { cwd: bare, env: GIT_ENV, input: Buffer.concat(input) });
  return execFileSync('git', ['rev-parse', 'main'], { cwd: bare, env: GIT_ENV }).toString().trim();
}

/** Writes the files below a directory that is there. */
export function writeBytes(directory: string, files: ByteFiles): void {
  for (const [path, content] of files) {
    const full = join(Buffer.from(directory), path);
    mkdirSync(full.subarray(0, full.lastIndexOf('/')), { recursive: true });
    if (typeof content === 'string') writeFileSync(full, content);
    else symlinkSync(content.link, full);
  }
}
