import { SidecarError } from '../../model/error.ts';
import type { RefSelection } from './ls-refs.ts';
import { packetText, readPackets } from './pkt-line.ts';

/** One command of a client (gitprotocol-v2, "Command Request"). */
export interface Command {
  readonly name: string;
  /** `agent=…`, `object-format=…` and the like. */
  readonly capabilities: readonly string[];
  readonly args: readonly string[];
}

function malformed(detail: string): SidecarError {
  return new SidecarError('ERR_REMOTE_PROTOCOL', { op: 'read a git command', detail });
}

/**
 * Reads the body of a POST to git-upload-pack in protocol v2.
 * @throws SidecarError ERR_REMOTE_PROTOCOL when it is not one command, whole
 */
export function readCommand(body: Buffer): Command {
  const [capabilities, args]: [string[], string[]] = [[], []];
  let section = capabilities;
  let ended = false;
  for (const packet of readPackets(body)) {
    if (ended) throw malformed('something follows the command');
    if (packet.kind === 'flush') ended = true;
    else if (packet.kind === 'delimiter' && section === capabilities) section = args;
    else if (packet.kind === 'data') section.push(packetText(packet.payload));
    else throw malformed('an odd packet');
  }
  const [first = '', ...rest] = capabilities;
  const name = /^command=([a-z-]+)$/.exec(first)?.[1];
  if (name === undefined || !ended) throw malformed('it is not one whole command');
  return { name, capabilities: rest, args };
}

/** What an `ls-refs` command asks for. */
export function refSelectionOf({ args }: Command): RefSelection {
  const prefix = 'ref-prefix ';
  return {
    prefixes: args.filter((line) => line.startsWith(prefix)).map((line) => line.slice(prefix.length)),
    peel: args.includes('peel'),
    symrefs: args.includes('symrefs'),
  };
}

/** The object ids that a `fetch` command wants. */
export function wantsOf({ args }: Command): string[] {
  return args.filter((line) => line.startsWith('want ')).map((line) => line.slice('want '.length));
}
