import { readFile } from 'node:fs/promises';
import { type Oid, parseOid } from '../model/oid.ts';
import type { Below } from '../platform/below.ts';
import { writeBelow } from '../platform/files-below.ts';

/** A commit that was looked at, and why what was published stayed. */
export interface Considered {
  readonly oid: Oid;
  /** What was published then, and stayed. */
  readonly published: Oid;
  readonly path: string;
  readonly why: 'same' | 'missing';
}

/** What the next start wants to know. Kept in the repository; when it is lost, everything is only looked at again. */
export interface RepositoryState {
  /** In which boot of the machine the published files were known to be whole; see `readBootId`. */
  readonly boot: string | undefined;
  /** Commit of the last publish. */
  readonly oid: Oid | undefined;
  readonly ref: string | undefined;
  /** The link that was published, to remove it when `--link` changes. */
  readonly link: string | undefined;
  /** `--depth` and `--filter` of the last fetch: a change needs another one. */
  readonly depth: number | undefined;
  readonly filter: string | undefined;
  /** The server gives out no single files, so that everything is fetched, in spite of `--path`. */
  readonly isWhole: boolean | undefined;
  /** The last commit of which nothing was published, because its part is the published one or is missing. */
  readonly considered: Considered | undefined;
  /** What `--repo` names. */
  readonly url: string | undefined;
  /** Where git fetches from, when that is another place (a relay). */
  readonly origin: string | undefined;
  /** Identity of the shared store that its objects are in; undefined: they are its own. */
  readonly store: string | undefined;
  /** The commit that each consumer was last notified of with success, by its name. */
  readonly notified: Readonly<Record<string, Oid>>;
}

export const EMPTY_STATE: RepositoryState = {
  boot: undefined,
  oid: undefined,
  ref: undefined,
  link: undefined,
  depth: undefined,
  filter: undefined,
  isWhole: undefined,
  considered: undefined,
  url: undefined,
  origin: undefined,
  store: undefined,
  notified: {},
};

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function oidsOf(value: unknown): Readonly<Record<string, Oid>> {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  return Object.fromEntries(
    entries.flatMap(([name, text]) => {
      const oid = parseOid(textOf(text) ?? '');
      return oid ? [[name, oid] as const] : [];
    }),
  );
}

function consideredOf(value: unknown): Considered | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const saved = value as Record<string, unknown>;
  const [oid, published] = [parseOid(textOf(saved.oid) ?? ''), parseOid(textOf(saved.published) ?? '')];
  const [path, why] = [textOf(saved.path), textOf(saved.why)];
  if (!oid || !published || path === undefined || (why !== 'same' && why !== 'missing')) return undefined;
  return { oid, published, path, why };
}

/** The saved state; empty when there is none or it cannot be understood. */
export async function readState(path: string): Promise<RepositoryState> {
  try {
    const saved = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    return {
      boot: textOf(saved.boot),
      oid: parseOid(textOf(saved.oid) ?? ''),
      ref: textOf(saved.ref),
      link: textOf(saved.link),
      depth: numberOf(saved.depth),
      filter: textOf(saved.filter),
      isWhole: saved.isWhole === true ? true : undefined,
      considered: consideredOf(saved.considered),
      url: textOf(saved.url),
      origin: textOf(saved.origin),
      store: textOf(saved.store),
      notified: oidsOf(saved.notified),
    };
  } catch {
    return EMPTY_STATE;
  }
}

export async function writeState(place: Below, state: RepositoryState): Promise<void> {
  await writeBelow(place, `${JSON.stringify(state)}\n`);
}
