import type { VerifyConfig } from '../config/sync-config.ts';
import { SidecarError } from '../model/error.ts';
import type { Oid } from '../model/oid.ts';
import type { Revision } from '../model/revision.ts';
import type { History, Lineage } from './history.ts';
import type { Pending, VerifyMemory } from './memory.ts';

/** What consumers see at the moment. */
export interface Shown {
  /** What is published, as far as anything says it; its tree may be damaged. */
  readonly published: Oid | undefined;
  /** The commit that the link leads to; undefined: it is missing, or leads to nothing of ours. */
  readonly link: Oid | undefined;
  /** What the directory of `--into` holds completely; `unknown`: nothing, or it is between two commits. Undefined: there is none. */
  readonly directory: Oid | 'unknown' | undefined;
}

export const NOTHING_SHOWN: Shown = { published: undefined, link: undefined, directory: undefined };

/** The commits whose signatures matter for a step, and where they are. */
export interface Step {
  readonly oids: readonly Oid[];
  readonly gitDir: string;
}

export interface NoWayBackOptions {
  readonly policy: Pick<VerifyConfig, 'fastForwardOnly' | 'range' | 'since' | 'allowRewind'>;
  /** The repository that the commit was fetched into. */
  readonly gitDir: string;
  readonly history: Pick<History, 'lineage'>;
  readonly memory: VerifyMemory;
  /** Identity of this boot of the machine. */
  readonly boot: string;
}

/**
 * Knows which commits a new one has to come from. A publish is noted before it is shown and confirmed after it, so at
 * whatever instruction the process or the machine ends, nothing that was shown is forgotten, and what was not shown
 * refuses nothing.
 */
export class NoWayBack {
  readonly #options: NoWayBackOptions;
  /** The commit that leads back and was allowed, until it is published. */
  #rewind: Oid | undefined;
  /** The pending publish is of this process, which has not been killed since. */
  #isOurs = false;

  constructor(options: NoWayBackOptions) {
    this.#options = options;
  }

  /** Decides whether a publish that had begun was shown. To be called before the link changes. @throws SidecarError ERR_ROOT_WRITE */
  async settle(shown: Shown): Promise<void> {
    const { memory } = this.#options;
    const pending = await memory.pending();
    if (!pending) return;
    if (await this.#wasShown(pending, shown)) await memory.keepPending();
    else await memory.drop();
  }

  async #wasShown(pending: Pending, { link, directory }: Shown): Promise<boolean> {
    const { memory, boot } = this.#options;
    // The link may be older than what consumers saw before the machine ended.
    if (pending.boot !== boot || link === pending.oid || directory === pending.oid) return true;
    // Of the very first publish nothing is there: it was never shown.
    if (!(await memory.knowsRefOf(pending))) return false;
    // Somebody may have removed the link while no process ran.
    return directory === 'unknown' || (link === undefined && !this.#isOurs);
  }

  /** Nothing about the history of the commit has to be asked. */
  async isNoStep(oid: Oid, shown: Shown): Promise<boolean> {
    const { fastForwardOnly, range } = this.#options.policy;
    const asksRange = range && oid !== shown.published && oid !== (await this.#options.memory.read())?.oid;
    return !asksRange && !(fastForwardOnly && (await this.#mustComeFrom(oid, shown)).length > 0);
  }

  /** Changes whenever a commit that was let through could be refused now. */
  async position({ published }: Shown): Promise<string> {
    return `${(await this.#options.memory.read())?.oid} ${published}`;
  }

  /** @throws SidecarError ERR_VERIFY_REWOUND, ERR_VERIFY_HISTORY */
  async require(revision: Revision, shown: Shown, signal: AbortSignal): Promise<Step> {
    const { policy, history, memory, gitDir } = this.#options;
    const { oid, ref } = revision;
    const tip = { oids: [oid], gitDir };
    const { fastForwardOnly, range, since } = policy;
    if (!fastForwardOnly && !range) return tip;
    const published = await this.#published(shown);
    const lineageFrom = async (from: Oid): Promise<Lineage> =>
      await history.lineage({ to: oid, ref, from, since, signal });
    const known = new Map<Oid, Lineage>();
    if (fastForwardOnly) {
      for (const from of await this.#mustComeFrom(oid, shown)) {
        const lineage = await lineageFrom(from);
        known.set(from, lineage);
        if (!lineage.isForward) await this.#requireAllowed(revision, from);
      }
    }
    const from = published ?? (await memory.read())?.oid ?? since;
    // A tree that is only made anew is no step.
    if (!range || from === undefined || from === oid) return tip;
    const lineage = known.get(from) ?? (await lineageFrom(from));
    return { oids: [...new Set([oid, ...lineage.fresh])], gitDir: lineage.gitDir };
  }

  /** @throws SidecarError ERR_VERIFY_REWOUND unless a person has allowed this commit, and it was not published since */
  async #requireAllowed({ oid, ref }: Revision, from: Oid): Promise<void> {
    const { policy, memory } = this.#options;
    if (policy.allowRewind === oid && !(await memory.read())?.rewinds.includes(oid)) {
      this.#rewind = oid;
      return;
    }
    throw new SidecarError('ERR_VERIFY_REWOUND', {
      op: 'verify',
      target: ref,
      detail: `${oid} does not come from ${from}, which ${from === policy.since ? '--verify-since names' : 'was published before'}`,
      hint: `If that was meant, allow it once with --allow-rewind=${oid}.`,
    });
  }

  async #published({ published }: Shown): Promise<Oid | undefined> {
    return (await this.#options.memory.isOfAnother()) ? undefined : published;
  }

  /** The commits that one has to come from, itself left out. */
  async #mustComeFrom(oid: Oid, shown: Shown): Promise<readonly Oid[]> {
    const { memory, policy } = this.#options;
    const remembered = await memory.read();
    const published = await this.#published(shown);
    const before = new Set<Oid>(remembered && [remembered.oid]);
    // What was published before the remembered one is shown again after a power cut, and does not matter. Anything else
    // was published by a process without this policy.
    if (published && !remembered?.earlier.includes(published)) before.add(published);
    if (before.size === 0 && policy.since) before.add(policy.since);
    before.delete(oid);
    return [...before];
  }

  /** The commit is about to be shown. @throws SidecarError ERR_ROOT_WRITE */
  async intend(oid: Oid): Promise<void> {
    const { memory, boot } = this.#options;
    const isRewind = this.#rewind === oid;
    if ((await memory.read())?.oid === oid && !isRewind && !(await memory.isOfAnother())) return;
    await memory.intend({ oid, isRewind, boot });
    this.#isOurs = true;
  }

  /** The commit is shown. @throws SidecarError ERR_ROOT_WRITE */
  async remember(oid: Oid): Promise<void> {
    await this.#options.memory.remember(oid, this.#rewind === oid);
    this.#rewind = undefined;
  }
}
