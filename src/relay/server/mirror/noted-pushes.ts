import type { Hint } from '../../../model/hint.ts';
import type { RepositoryName } from '../../protocol/repository-name.ts';

export type NotedPush = Required<Pick<Hint, 'arrivedAt' | 'sender'>> & { readonly arrivedAt: number };

/** A commit that never comes stays until others took its place. */
const MOST = 256;

/** Notifications of pushes, until a poll shows what they said. */
export class NotedPushes {
  readonly #pushes = new Map<string, NotedPush>();

  /** Of several notifications of one commit the first is kept. */
  note(repository: RepositoryName, { to, arrivedAt, sender }: Hint): void {
    if (to === undefined || arrivedAt === undefined) return;
    const key = keyOf(repository, to);
    if (!this.#pushes.has(key)) this.#pushes.set(key, { arrivedAt, sender });
    const [oldest] = this.#pushes.keys();
    if (this.#pushes.size > MOST && oldest !== undefined) this.#pushes.delete(oldest);
  }

  /** The notification of one of these objects, which are a commit and a tag of it; it is forgotten. */
  take(repository: RepositoryName, oids: readonly string[]): NotedPush | undefined {
    const key = oids.map((oid) => keyOf(repository, oid)).find((each) => this.#pushes.has(each));
    if (key === undefined) return undefined;
    const push = this.#pushes.get(key);
    this.#pushes.delete(key);
    return push;
  }
}

function keyOf(repository: RepositoryName, oid: string): string {
  return `${repository}\n${oid}`;
}
