import { createHash } from 'node:crypto';
import type { ObjectFormat } from '../../../model/oid.ts';

/** A question to git, on behalf of a client that may have the answer. */
export interface PackQuestion {
  /** On whose share it is answered; equal questions of others get the same answer. */
  readonly owner: string;
  readonly gitDir: string;
  readonly objectFormat: ObjectFormat;
  /** What besides the bytes decides the answer: the repository, the refs and which of them are seen. */
  readonly scope: readonly string[];
  /** What git is given, byte for byte. */
  readonly body: Buffer;
  /** 2; 0 for clients that do not speak it. */
  readonly protocol: 0 | 2;
  /** The question ends in `done`: a pack has to come. */
  readonly isDone: boolean;
  /** {@link keyOf} of it, where that is known already. */
  readonly id?: string;
  /** Asked when git fails: whether that can have come from the question. */
  readonly isToBlame: () => Promise<boolean>;
}

/** A name for what has the same answer: each part with its length before it, so that two lists of parts never give the same bytes. */
export function keyOf({
  gitDir,
  scope,
  protocol,
  body,
}: Pick<PackQuestion, 'gitDir' | 'scope' | 'protocol' | 'body'>): string {
  const hash = createHash('sha256');
  const parts = [gitDir, String(protocol), String(scope.length), ...scope].map((part) => Buffer.from(part));
  for (const part of [...parts, body]) {
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(part.length));
    hash.update(length).update(part);
  }
  return hash.digest('hex');
}
