import { SidecarError } from '../../model/error.ts';
import type { ObjectFormat } from '../../model/oid.ts';
import { packetText, readPackets } from './pkt-line.ts';

/** What a protocol v2 server says it can do (gitprotocol-v2, "Capability Advertisement"). */
export interface ServerCapabilities {
  readonly version: 2;
  readonly objectFormat: ObjectFormat;
  readonly lsRefs: boolean;
  /** The server would say so if HEAD points at a branch without commits. */
  readonly lsRefsUnborn: boolean;
  readonly fetch: readonly string[];
  readonly agent: string | undefined;
}

/** A server that answers in protocol v0 or v1: it lists every ref at once instead. */
export interface OldServer {
  readonly version: 0 | 1;
}

function readObjectFormat(value: string | undefined): ObjectFormat {
  if (value === undefined || value === 'sha1') return 'sha1';
  if (value === 'sha256') return 'sha256';
  throw new SidecarError('ERR_REMOTE_PROTOCOL', {
    op: 'read git protocol',
    detail: `unknown object format ${JSON.stringify(value.slice(0, 40))}`,
  });
}

/**
 * Reads the body of `GET <repo>/info/refs?service=git-upload-pack` (gitprotocol-http, "Smart Clients").
 * The first section, `# service=git-upload-pack` and a flush, is left out by some servers in v2.
 *
 * @throws SidecarError ERR_REMOTE_PROTOCOL when it is no git answer at all.
 */
export function readCapabilities(body: Buffer): ServerCapabilities | OldServer {
  const lines: string[] = [];
  for (const packet of readPackets(body)) {
    if (packet.kind === 'data') lines.push(packetText(packet.payload));
    if (lines.length > 1 && !isPreamble(lines)) break;
  }
  if (lines[0] === '# service=git-upload-pack') lines.shift();
  if (lines[0] === 'version 1') return { version: 1 };
  if (lines[0] !== 'version 2') return readOldServer(lines[0]);

  const capabilities = new Map<string, string>();
  for (const packet of readPackets(body)) {
    if (packet.kind !== 'data') continue;
    const [name = '', ...value] = packetText(packet.payload).split('=');
    capabilities.set(name, value.join('='));
  }
  return {
    version: 2,
    objectFormat: readObjectFormat(capabilities.get('object-format')),
    lsRefs: capabilities.has('ls-refs'),
    lsRefsUnborn: (capabilities.get('ls-refs') ?? '').split(' ').includes('unborn'),
    fetch: (capabilities.get('fetch') ?? '').split(' ').filter(Boolean),
    agent: capabilities.get('agent'),
  };
}

function isPreamble(lines: readonly string[]): boolean {
  return lines.length < 2 || (lines.length === 2 && lines[0] === '# service=git-upload-pack');
}

function readOldServer(line: string | undefined): OldServer {
  if (line !== undefined && /^(?:[0-9a-f]{40}|[0-9a-f]{64}) /.test(line)) return { version: 0 };
  throw new SidecarError('ERR_REMOTE_PROTOCOL', {
    op: 'read git protocol',
    detail: 'the answer to info/refs is not a git advertisement',
  });
}
