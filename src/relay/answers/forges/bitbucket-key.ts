import { createHash } from 'node:crypto';

/** `context` as a key with at most `most` characters, which no other context has. */
export function boundedKey(context: string, most: number): string {
  if (context.length <= most) return context;
  const digest = createHash('sha256').update(context).digest('hex').slice(0, 8);
  return `${context.slice(0, most - digest.length - 1)}-${digest}`;
}
