import type { ObjectFormat } from '../../model/oid.ts';
import { FetchLines, type FetchRequest, LINES_AT_ONCE, linesBeforeHaves, malformedFetch } from './fetch-request.ts';
import { FLUSH_PACKET, LineReader, linePackets } from './pkt-line.ts';

/** Capabilities of protocol v0 and v1 that change what git answers (gitprotocol-capabilities). */
const DECIDING = [
  ...['multi_ack', 'multi_ack_detailed', 'no-done', 'thin-pack', 'side-band', 'side-band-64k', 'ofs-delta'],
  ...['deepen-relative', 'no-progress', 'include-tag'],
];
/** What a relay says it can do in protocol v0. */
export const OLD_CAPABILITIES: readonly string[] = [
  ...[...DECIDING, 'shallow', 'deepen-since', 'deepen-not', 'filter'],
  ...['allow-tip-sha1-in-want', 'allow-reachable-sha1-in-want'],
];
const FIRST_LINES = ['want', 'shallow', 'deepen', 'deepen-since', 'deepen-not', 'filter'];

/**
 * Reads the body of a POST to git-upload-pack in protocol v0 or v1 (gitprotocol-pack, "Packfile Negotiation"), which has
 * to keep to the grammar in every byte. It stops now and then, so that other work can go on in between.
 * @returns undefined for a lone flush packet: the client wants nothing
 * @throws SidecarError ERR_REMOTE_PROTOCOL when it is none
 */
export function* readOldFetchRequest(
  body: Buffer,
  objectFormat: ObjectFormat,
): Generator<undefined, FetchRequest | undefined> {
  const lines = new FetchLines(objectFormat);
  let words: string[] | undefined;
  let state: 'wants' | 'haves' | 'end' = 'wants';
  let end: FetchRequest['end'] = 'nothing';
  const reader = new LineReader(body);
  for (let index = 0; reader.next(); index += 1) {
    if (index % LINES_AT_ONCE === 0) yield;
    if (state === 'end') throw malformedFetch('something follows its end');
    if (reader.kind === 'flush') {
      if (state === 'haves') end = 'flush';
      state = state === 'wants' ? 'haves' : 'end';
      continue;
    }
    if (reader.kind !== 'data') throw malformedFetch('an odd packet');
    let { line } = reader;
    if (state === 'wants' && words === undefined) [line, words] = readFirstWant(line, objectFormat);
    if (state === 'haves' && line === 'done') [state, end] = ['end', 'done'];
    else if (!lines.take(line, state === 'wants' ? FIRST_LINES : ['have']))
      throw malformedFetch(`not a line of a fetch: ${JSON.stringify(line.slice(0, 60))}`);
  }
  if (state === 'wants') throw malformedFetch('it ends too soon');
  if (words === undefined && state === 'haves') return undefined;
  const request = lines.finish(words ?? [], false, end);
  if (request.end === 'nothing' && request.haves.length > 0) throw malformedFetch('its haves do not end');
  return request;
}

/** The first line alone names capabilities. git ignores those that it does not know. */
function readFirstWant(line: string, objectFormat: ObjectFormat): [string, string[]] {
  const [keyword = '', oid = '', ...named] = line.split(' ');
  const format = named.find((word) => word.startsWith('object-format='))?.slice('object-format='.length) ?? 'sha1';
  if (format !== objectFormat) throw malformedFetch(`the repository's object format is ${objectFormat}, not ${format}`);
  return [`${keyword} ${oid}`, named.filter((word) => DECIDING.includes(word))];
}

/** The one way to write the body: equal requests are equal bytes, whichever client asks. */
export function* writeOldFetchRequest(request: FetchRequest, objectFormat: ObjectFormat): Generator<undefined, Buffer> {
  const { wants, haves, words, filter, end } = request;
  const capabilities = [...words, ...(filter === undefined ? [] : ['filter']), `object-format=${objectFormat}`].join(
    ' ',
  );
  const before = [
    ...wants.map((oid, index) => (index === 0 ? `want ${oid} ${capabilities}` : `want ${oid}`)),
    ...linesBeforeHaves(request),
  ];
  const after = [...haves.map((oid) => `have ${oid}`), ...(end === 'done' ? ['done'] : [])];
  return Buffer.concat([
    yield* linePackets(before),
    FLUSH_PACKET,
    yield* linePackets(after),
    ...(end === 'flush' ? [FLUSH_PACKET] : []),
  ]);
}
