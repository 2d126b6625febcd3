import type { Secret } from '../config/secrets.ts';
import type { Redactor } from '../platform/redact.ts';

/**
 * Teaches `redactor` the secrets that options and environment hold; those from files and services are added as they are
 * read.
 */
export function addSecrets(redactor: Redactor, { secrets }: { readonly secrets: readonly Secret[] }): void {
  for (const { text, user } of secrets) redactor.add(text, user);
}
