import type { RepositoryName } from '../../protocol/repository-name.ts';
import type { RefusalHints } from '../asking.ts';
import type { CommitStatus } from '../commit-status.ts';
import type { Ask } from '../question.ts';

/** A status as a forge gets it. */
export interface ShownStatus extends CommitStatus {
  /** The name under which it stands beside the commit. */
  readonly context: string;
  /** Where it leads. */
  readonly page: string | undefined;
}

/** How one kind of forge is spoken to. */
export interface ForgeApi {
  /** Brings a status there. @throws DeliveryFailure, OddRepository */
  readonly send: (status: ShownStatus, ask: Ask) => Promise<void>;
  /** Headers for a token. @param user undefined: the token stands alone */
  readonly headersFor: (token: string, user: string | undefined) => Readonly<Record<string, string>>;
  readonly hints: RefusalHints;
  /** See `JudgeOptions`. */
  readonly alwaysResets?: boolean;
  /** Only a change of the state is taken, and not one of the text alone. */
  readonly keepsText?: boolean;
}

/** A repository has a name that no repository of this forge has. */
export class OddRepository extends Error {
  constructor(repository: RepositoryName, wanted: string) {
    super(`its name ${repository} is not like ${wanted}`);
  }
}

/** The parts of a repository's path, without the host and `.git`. */
export function pathParts(repository: RepositoryName): readonly string[] {
  const [, ...parts] = repository.replace(/\.git$/, '').split('/');
  return parts;
}

/** The last two parts, encoded. @throws OddRepository */
export function ownerAndName(repository: RepositoryName, wanted: string): readonly [owner: string, name: string] {
  const [owner, name] = pathParts(repository).slice(-2).map(encodeURIComponent);
  if (owner === undefined || name === undefined) throw new OddRepository(repository, wanted);
  return [owner, name];
}

export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}
