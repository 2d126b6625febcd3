import { messageOf } from '../../model/error.ts';

/** Somebody else wrote the key since: JetStream's error 10071, which the client gives as text. */
export function isOvertaken(error: unknown): boolean {
  return /wrong last sequence/i.test(messageOf(error));
}
