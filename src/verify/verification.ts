import type { VerifyConfig } from '../config/sync-config.ts';
import type { Git } from '../git/git.ts';
import { SidecarError } from '../model/error.ts';
import { type Oid, objectFormatOf } from '../model/oid.ts';
import type { Revision } from '../model/revision.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import { SignatureCheck } from './check-signature.ts';
import type { History } from './history.ts';
import { Home, type HomeOptions } from './home.ts';
import { KeyFiles, type KeyRing } from './key-files.ts';
import type { VerifyMemory } from './memory.ts';
import { type RawObject, readObject, readObjects } from './raw-objects.ts';
import { requireSignature } from './require-signature.ts';
import { splitCommit, splitTag } from './signed-object.ts';
import type { TagObjects } from './signed-tag.ts';
import { checkedOutSubmodules } from './submodules.ts';

/** What is refused at the moment, and why. */
export interface Refused {
  readonly revision: Revision;
  readonly error: SidecarError;
}

export interface VerificationOptions {
  readonly policy: VerifyConfig;
  readonly git: Git;
  readonly gitDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly home: HomeOptions;
  readonly history: History;
  readonly tags: TagObjects;
  readonly memory: VerifyMemory;
  /** Called with each answer: the code of a refusal, or undefined. */
  readonly onAnswer: (code: string | undefined) => void;
}

/** Decides whether a revision may be published, from its own objects and the operator’s keys. */
export class Verification {
  readonly #options: VerificationOptions;
  readonly #keys: KeyFiles;
  /** What was let through with the keys of today. */
  #passed: string | undefined;
  /** The commit that leads back and was allowed, until it is published. */
  #rewind: Oid | undefined;
  #refused: (Refused & { readonly digest: string }) | undefined;

  constructor(options: VerificationOptions) {
    this.#options = options;
    this.#keys = new KeyFiles(options.policy.keys);
  }

  /** The newest revision that was refused, as long as nothing else was let through. */
  get refused(): Refused | undefined {
    return this.#refused;
  }

  /** @throws the same error as before for a revision that was refused with the keys of today, ERR_VERIFY_KEYS */
  async refuseAgain(revision: Revision): Promise<void> {
    const refused = this.#refused;
    if (refused?.revision.oid !== revision.oid || refused.revision.ref !== revision.ref) return;
    if (refused.digest === (await this.#keys.read()).digest) throw refused.error;
  }

  /**
   * @param published what is published now
   * @throws SidecarError ERR_VERIFY_* when the revision may not be published
   */
  async require(revision: Revision, published: Oid | undefined, signal: AbortSignal): Promise<void> {
    const ring = await this.#keys.read();
    await this.refuseAgain(revision);
    const id = `${revision.oid} ${revision.ref} ${ring.digest}`;
    if (this.#passed === id) {
      this.#refused = undefined;
      return;
    }
    await this.#noting(revision, ring, async () => {
      await Home.use(this.#options.home, signal, async (home) => {
        await this.#check(new SignatureCheck(home, ring, this.#options.clock), revision, published, signal);
      });
    });
    this.#passed = id;
  }

  /** @throws SidecarError ERR_VERIFY_* when a submodule of the finished worktree may not be published */
  async requireSubmodules(
    revision: Revision,
    worktree: { readonly path: string; readonly oid: Oid },
    signal: AbortSignal,
  ): Promise<void> {
    const { git, policy, home: homeOptions, clock } = this.#options;
    if (!policy.submodules) return;
    const ring = await this.#keys.read();
    const submodules = await checkedOutSubmodules(git, worktree, signal);
    if (submodules.length === 0) return;
    await this.#noting(revision, ring, async () => {
      await Home.use(homeOptions, signal, async (home) => {
        const check = new SignatureCheck(home, ring, clock);
        for (const { gitDir, oid, path } of submodules)
          await this.#checkCommit(
            check,
            await readObject(git, gitDir, oid, signal),
            `submodule ${path} at ${oid}`,
            oid,
            revision.ref,
          );
      });
    });
  }

  /** Remembers that the revision is refused when that is so. */
  async #noting(revision: Revision, { digest }: KeyRing, work: () => Promise<void>): Promise<void> {
    const { onAnswer } = this.#options;
    try {
      await work();
    } catch (error) {
      if (!(error instanceof SidecarError)) throw error;
      onAnswer(error.code);
      if (error.facts.revision !== undefined) this.#refused = { revision, error, digest };
      throw error;
    }
    onAnswer(undefined);
    this.#refused = undefined;
  }

  async #check(
    check: SignatureCheck,
    revision: Revision,
    published: Oid | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { policy, git, tags, log } = this.#options;
    const { oid, ref } = revision;
    const fresh = await this.#freshCommits(revision, published, signal);
    if (policy.commit) {
      const objects = await readObjects(git, fresh.gitDir, fresh.oids, signal);
      for (const [each, object] of objects)
        if (each !== policy.since) await this.#checkCommit(check, object, `commit ${each}`, each, ref);
    }
    if (policy.tag) {
      await this.#checkTag(check, await tags.find(ref, oid, signal), ref);
      await tags.keep(ref, oid, signal);
    }
    log.info(1, 'verified', { hash: oid, ref, commits: fresh.oids.length });
  }

  /** Notes that the revision is published now. @throws SidecarError ERR_ROOT_WRITE */
  async remember(oid: Oid): Promise<void> {
    const { memory } = this.#options;
    const rewinds = (await memory.read())?.rewinds ?? [];
    await memory.write({ oid, rewinds: this.#rewind === oid ? [...rewinds, oid] : rewinds });
    this.#rewind = undefined;
  }

  /** The commits whose signatures matter. @throws SidecarError ERR_VERIFY_REWOUND, ERR_VERIFY_HISTORY */
  async #freshCommits(
    { oid, ref }: Revision,
    published: Oid | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly oids: readonly Oid[]; readonly gitDir: string }> {
    const { policy, history, gitDir, memory } = this.#options;
    const { fastForwardOnly, range, since, allowRewind } = policy;
    const tip = { oids: [oid], gitDir };
    // A tree that is only made anew is no step.
    if (oid === published || (!fastForwardOnly && !range)) return tip;
    const remembered = await memory.read();
    const before = ((await memory.isOfAnother()) ? undefined : published) ?? remembered?.oid;
    const from = before ?? since;
    if (oid === from || from === undefined) return tip;
    const lineage = await history.lineage({ to: oid, ref, from, since, signal });
    if (fastForwardOnly && !lineage.isForward) {
      if (allowRewind !== oid || remembered?.rewinds.includes(oid))
        throw new SidecarError('ERR_VERIFY_REWOUND', {
          op: 'verify',
          target: ref,
          detail: `${oid} does not come from ${from}, which ${before ? 'was published before' : '--verify-since names'}`,
          hint: `If that was meant, allow it once with --allow-rewind=${oid}.`,
        });
      this.#rewind = oid;
    }
    return range ? { oids: [...new Set([oid, ...lineage.fresh])], gitDir: lineage.gitDir } : tip;
  }

  async #checkCommit(check: SignatureCheck, object: RawObject, what: string, oid: Oid, ref: string): Promise<void> {
    const split = object.type === 'commit' ? splitCommit(object.content, objectFormatOf(oid)) : undefined;
    await this.#checkSplit(check, split, what, ref);
  }

  async #checkTag(check: SignatureCheck, tag: RawObject, ref: string): Promise<void> {
    await this.#checkSplit(check, splitTag(tag.content), `tag ${ref}`, ref);
  }

  async #checkSplit(
    check: SignatureCheck,
    split: ReturnType<typeof splitCommit>,
    what: string,
    ref: string,
  ): Promise<void> {
    const { policy, log } = this.#options;
    const signer = await requireSignature(check, policy.signers, { what, ref, split });
    log.info(2, 'good signature', { what, signer: signer.shown });
  }
}
