import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Place } from '../config/run-config.ts';
import { messageOf, SidecarError } from '../model/error.ts';
import { readText, writeFileAtomic } from '../platform/atomic-file.ts';
import { type BytePath, type PathInJson, pathFromJson, pathToJson } from '../platform/byte-path.ts';
import { claimStateDirectory } from './claim-state.ts';

/** A revision that was deployed. */
export interface Release {
  /** The commit, or the name of the published directory. */
  readonly id: string;
  /** The directory that holds its files. */
  readonly path: string;
  /** Of all that was copied. */
  readonly digest: string;
  /** Milliseconds since the epoch. */
  readonly deployedAt: number;
  /** In which boot of the machine it was made or was found to be whole; undefined as soon as it is on the disk. */
  readonly boot?: string | undefined;
}

/** What a restart of run has to know. */
export interface RunState {
  /** Deployed with success, the newest last. */
  readonly releases: readonly Release[];
  /** Revisions that failed and are left out until a newer one was deployed; with the reason. */
  readonly quarantined: Readonly<Record<string, string>>;
  /** `--into`: paths that are ours. */
  readonly owned: readonly BytePath[];
}

const EMPTY: RunState = { releases: [], quarantined: {}, owned: [] };

function parseState(text: string): RunState {
  const { owned = [], ...saved } = JSON.parse(text) as Partial<Omit<RunState, 'owned'>> & { owned?: PathInJson[] };
  return { ...EMPTY, ...saved, owned: owned.map(pathFromJson) };
}

/** The memory of run, in one file of the state directory. */
export class StateFile {
  readonly #path: string;
  #state: RunState = EMPTY;
  #writing: Promise<void> = Promise.resolve();

  constructor(directory: string) {
    this.#path = join(directory, 'state.json');
  }

  get state(): RunState {
    return this.#state;
  }

  get current(): Release | undefined {
    return this.#state.releases.at(-1);
  }

  async load(): Promise<void> {
    const text = await readText(this.#path);
    if (text === undefined) return;
    try {
      this.#state = parseState(text);
    } catch {
      this.#state = EMPTY;
    }
  }

  /** @throws SidecarError ERR_RUN_STATE */
  async save(changes: Partial<RunState>): Promise<void> {
    this.#state = { ...this.#state, ...changes };
    // One after the other, so that the newest is what stays.
    const written = this.#writing.then(async () => {
      const owned = this.#state.owned.map(pathToJson);
      // Without it, the files of `--into` and what failed would be forgotten after a power cut.
      await writeFileAtomic(this.#path, `${JSON.stringify({ ...this.#state, owned })}\n`, { flush: true });
    });
    this.#writing = written.catch(() => undefined);
    try {
      await written;
    } catch (error) {
      const detail = messageOf(error);
      throw new SidecarError('ERR_RUN_STATE', { op: 'write', target: this.#path, detail, cause: error });
    }
  }
}

/**
 * The first of `candidates` that can be made and written.
 * @throws SidecarError ERR_RUN_STATE, ERR_DIRECTORY_FOREIGN
 */
export async function openStateDirectory(candidates: readonly string[]): Promise<string> {
  let cause: unknown;
  for (const path of candidates) {
    try {
      await claimStateDirectory(path);
      await writeFileAtomic(join(path, '.writable'), '');
      return path;
    } catch (error) {
      cause = error;
    }
  }
  if (cause instanceof SidecarError) throw cause;
  const target = candidates[0] ?? '';
  throw new SidecarError('ERR_RUN_STATE', { op: 'use', target, detail: messageOf(cause), cause });
}

/** What the name of a state directory is made of, where the user chose none. */
export interface StateIdentity {
  readonly link: string;
  readonly place: Place;
  /** The name of the unit in its document: several may run from the same link and place. */
  readonly unit: string | undefined;
}

/** Places for the state directory, the best first: one for each identity. */
export function stateCandidates(
  chosen: string | undefined,
  { link, place, unit }: StateIdentity,
  environment: Readonly<Record<string, string>>,
): readonly string[] {
  if (chosen !== undefined) return [chosen];
  const identity = JSON.stringify(unit === undefined ? [link, place] : [link, place, unit]);
  const name = `run-${createHash('sha256').update(identity).digest('hex').slice(0, 12)}`;
  const { XDG_STATE_HOME, HOME } = environment;
  const homes = [
    ...(XDG_STATE_HOME ? [XDG_STATE_HOME] : []),
    ...(HOME && HOME !== '/' ? [join(HOME, '.local', 'state')] : []),
    tmpdir(),
  ];
  return homes.map((home) => join(home, 'git-sidecar', name));
}
