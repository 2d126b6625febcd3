// What the image holds (deploy/image/sizes.sh), as a part of docs/containers.md.

const BEGIN = '<!-- measured: image -->';
const END = '<!-- end of the image -->';
const MEBIBYTE = 2 ** 20;
/** Smaller parts have no row of their own. */
const SMALL_MIB = 0.5;

/** @param text of deploy/image/sizes.sh @param bytes of the image, as the container engine counts them */
export function readContents(text, bytes) {
  const [madeOf, ...lines] = text.trim().split('\n');
  const parts = lines.map((line) => line.split('\t')).map(([mib, name]) => ({ name, mib: Number(mib) }));
  return { madeOf, parts, totalMib: bytes / MEBIBYTE };
}

export function renderContents({ madeOf, parts, totalMib }) {
  const large = parts.filter(({ mib }) => mib >= SMALL_MIB);
  const small = parts.filter(({ mib }) => mib < SMALL_MIB);
  const smallMib = small.reduce((sum, { mib }) => sum + mib, 0);
  return [
    `Made of ${madeOf}: ${totalMib.toFixed(0)} MiB unpacked.`,
    [
      '| part | MiB |',
      '| --- | --- |',
      ...large.map(({ name, mib }) => `| ${name} | ${mib.toFixed(1)} |`),
      `| ${small.map(({ name }) => name).join(', ')} | ${smallMib.toFixed(1)} |`,
    ].join('\n'),
  ].join('\n\n');
}

/** The page with these contents in their place. */
export function withContents(page, text) {
  const [head, rest = ''] = page.split(BEGIN);
  const [, tail] = rest.split(END);
  if (tail === undefined) throw new Error('the page has no place for what the image holds');
  return `${head}${BEGIN}\n\n${text}\n\n${END}${tail}`;
}

/** What the page says: what the image was made of, its size, and its parts. */
export function contentsIn(page) {
  const text = page.split(BEGIN)[1]?.split(END)[0] ?? '';
  const [, madeOf = '', total = ''] = /Made of (.*): (\d+) MiB unpacked/.exec(text) ?? [];
  const names = [...text.matchAll(/^\| (?!part |---)(.*) \| [\d.]+ \|$/gm)].flatMap(([, cell]) => cell.split(', '));
  return { madeOf, totalMib: Number(total), names };
}
