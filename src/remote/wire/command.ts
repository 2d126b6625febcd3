import { SidecarError } from '../../model/error.ts';
import type { ObjectFormat } from '../../model/oid.ts';
import { type FetchRequest, LINES_AT_ONCE, readFetchArguments } from './fetch-request.ts';
import type { RefSelection } from './ls-refs.ts';
import { LineReader } from './pkt-line.ts';

/** One command of a client (gitprotocol-v2, "Command Request"). */
export type Command =
  | { readonly name: 'ls-refs'; readonly selection: RefSelection }
  | { readonly name: 'fetch'; readonly request: FetchRequest };

/** More prefixes than this select nothing that fewer would not. git itself gives up counting at 65536. */
const MOST_PREFIXES = 10_000;

function malformed(detail: string): SidecarError {
  return new SidecarError('ERR_REMOTE_PROTOCOL', { op: 'read a git command', detail });
}

const shown = (line: string): string => JSON.stringify(line.slice(0, 60));

/**
 * Reads the body of a POST to git-upload-pack in protocol v2, which has to keep to the grammar in every byte: what is
 * not understood here is never given to git. It stops now and then, so that other work can go on in between.
 * @param objectFormat of the repository that is asked
 * @throws SidecarError ERR_REMOTE_PROTOCOL when it is not one command, whole, with arguments that this relay offers
 */
export function* readCommand(body: Buffer, objectFormat: ObjectFormat): Generator<undefined, Command> {
  const { name, capabilities, lines } = yield* readFrame(body);
  const format = readCapabilityLines(capabilities);
  if (format !== objectFormat) throw malformed(`the repository's object format is ${objectFormat}, not ${format}`);
  if (name === 'ls-refs') return { name, selection: readSelection(lines) };
  if (name === 'fetch') return { name, request: yield* readFetchArguments(lines, objectFormat) };
  throw malformed(`there is no command ${shown(name)} here`);
}

/** `command=NAME`, capabilities, a delimiter, arguments, a flush; the delimiter may be missing when no argument comes. */
function* readFrame(body: Buffer): Generator<undefined, { name: string; capabilities: string[]; lines: string[] }> {
  const [capabilities, lines]: [string[], string[]] = [[], []];
  let section = capabilities;
  let ended = false;
  const reader = new LineReader(body);
  for (let index = 0; reader.next(); index += 1) {
    if (index % LINES_AT_ONCE === 0) yield;
    if (ended) throw malformed('something follows the command');
    if (reader.kind === 'flush') ended = true;
    else if (reader.kind === 'delimiter' && section === capabilities) section = lines;
    else if (reader.kind === 'data') section.push(reader.line);
    else throw malformed('an odd packet');
  }
  const [first = '', ...rest] = capabilities;
  const name = /^command=([a-z-]+)$/.exec(first)?.[1];
  if (name === undefined || !ended) throw malformed('it is not one whole command');
  return { name, capabilities: rest, lines };
}

/** Only the object format has a part in the answer. @returns the object format; git takes sha1 where none is named */
function readCapabilityLines(capabilities: readonly string[]): string {
  let format: string | undefined;
  for (const line of capabilities) {
    const [, name, value] = /^(agent|session-id|server-option|object-format)=([ -~]*)$/.exec(line) ?? [];
    if (name === undefined || (name === 'object-format' && format !== undefined))
      throw malformed(`not a capability that is offered here: ${shown(line)}`);
    if (name === 'object-format') format = value;
  }
  return format ?? 'sha1';
}

function readSelection(lines: readonly string[]): RefSelection {
  const prefixes: string[] = [];
  for (const line of lines) {
    const prefix = /^ref-prefix (.*)$/s.exec(line)?.[1];
    if (prefix !== undefined) prefixes.push(Buffer.from(prefix, 'latin1').toString());
    else if (line !== 'peel' && line !== 'symrefs' && line !== 'unborn')
      throw malformed(`not for ls-refs: ${shown(line)}`);
  }
  if (prefixes.length > MOST_PREFIXES) throw malformed(`${prefixes.length} prefixes are too many`);
  return { prefixes, peel: lines.includes('peel'), symrefs: lines.includes('symrefs') };
}
