import type { ObjectFormat } from '../../../model/oid.ts';
import type { Refs } from '../../protocol/refs.ts';
import { prepareRefs } from '../streams/prepare-refs.ts';
import type { FetchClient } from './fetch-gate.ts';

/** A git client, and what it asks for. */
export interface GitClient extends FetchClient {
  readonly protocol: 0 | 2;
}

export async function refsOf({ follower, view }: GitClient): Promise<Refs> {
  return await prepareRefs(follower.refs, view);
}

export function objectFormatOf({ follower }: GitClient): ObjectFormat {
  return follower.mirror.objectFormat ?? 'sha1';
}

/** What decides the answer to a question besides its bytes and the refs that the client sees. */
export function scopeOf({ follower, protocol }: GitClient): string {
  return `${protocol} ${follower.upstream.name}`;
}
