import type { RepositoryName } from '../protocol/repository-name.ts';

/** Bytes that may stand in a token of a NATS subject as they are; all others, the dot too, become `=XX`. */
function encode(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => {
      const char = String.fromCharCode(byte);
      return /[A-Za-z0-9_/-]/.test(char) ? char : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}

function decode(token: string): string {
  const bytes = token.replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString();
}

/** The key of a ref in the bucket: two tokens, repository and ref. */
export function keyOf(repository: RepositoryName, ref: string): string {
  return `${encode(repository)}.${encode(ref)}`;
}

/** Matches the keys of all refs of a repository. */
export function keysOf(repository: RepositoryName): string {
  return `${encode(repository)}.>`;
}

/** The ref of a key that {@link keyOf} made. */
export function refOfKey(key: string): string {
  return decode(key.slice(key.indexOf('.') + 1));
}
