import type { VerifyConfig } from '../config/sync-config.ts';
import type { Git } from '../git/git.ts';
import { SidecarError } from '../model/error.ts';
import { type Oid, objectFormatOf } from '../model/oid.ts';
import type { Revision } from '../model/revision.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import { SignatureCheck } from './check-signature.ts';
import { Home, type HomeOptions } from './home.ts';
import { KeyFiles, type KeyRing } from './key-files.ts';
import type { NoWayBack, Shown, Step } from './no-way-back.ts';
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

/** What depends on the time of the day, which may have been wrong, is looked at again after so long. */
const LOOK_AGAIN_MS = 5 * 60_000;

interface Quarantined extends Refused {
  /** Of the keys. */
  readonly digest: string;
  /** On the monotonic clock. */
  readonly at: number;
}

export interface VerificationOptions {
  readonly policy: VerifyConfig;
  readonly git: Git;
  readonly gitDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly home: HomeOptions;
  readonly noWayBack: NoWayBack;
  readonly tags: TagObjects;
  /** Called with each answer: the code of a refusal, or undefined. */
  readonly onAnswer: (code: string | undefined) => void;
}

function isSame({ revision, error }: Refused, { oid, ref }: Revision, { code, message }: SidecarError): boolean {
  return revision.oid === oid && revision.ref === ref && error.code === code && error.message === message;
}

/** Decides whether a revision may be published, from its own objects and the operator’s keys. */
export class Verification {
  readonly #options: VerificationOptions;
  readonly #keys: KeyFiles;
  /** What was let through with the keys of today, and what was published and remembered then. */
  #passed: { readonly id: string; readonly position: string } | undefined;
  /** The tree whose submodules were let through, and the keys. */
  #passedTree: string | undefined;
  #refused: Quarantined | undefined;

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
    const { clock } = this.#options;
    if (refused.error.facts.untilLater && clock.monotonic() - refused.at >= LOOK_AGAIN_MS) return;
    if (refused.digest === (await this.#keys.read()).digest) throw refused.error;
  }

  /** @throws SidecarError ERR_VERIFY_* when the revision may not be published, ERR_ROOT_WRITE */
  async require(revision: Revision, shown: Shown, signal: AbortSignal): Promise<void> {
    const { noWayBack } = this.#options;
    const ring = await this.#keys.read();
    await noWayBack.settle(shown);
    await this.refuseAgain(revision);
    const id = `${revision.oid} ${revision.ref} ${ring.digest}`;
    const position = await noWayBack.position(shown);
    const isKnown = this.#passed?.id === id;
    if (isKnown && (this.#passed?.position === position || (await noWayBack.isNoStep(revision.oid, shown)))) {
      this.#refused = undefined;
      return;
    }
    await this.#noting(revision, ring, async () => {
      await this.#check(revision, ring, await noWayBack.require(revision, shown, signal), signal);
    });
    this.#passed = { id, position };
  }

  /**
   * The same for what was published before and is only made anew, from the objects that are here: it is no step.
   * @throws SidecarError ERR_VERIFY_*, ERR_ROOT_WRITE
   */
  async requireAgain(revision: Revision, shown: Shown, signal: AbortSignal): Promise<void> {
    const ring = await this.#keys.read();
    await this.#options.noWayBack.settle(shown);
    const tip = { oids: [revision.oid], gitDir: this.#options.gitDir };
    await this.#noting(revision, ring, async () => await this.#check(revision, ring, tip, signal));
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
    const id = `${worktree.path} ${revision.oid} ${revision.ref} ${ring.digest}`;
    if (this.#passedTree === id) return;
    const submodules = await checkedOutSubmodules(git, worktree, signal);
    await this.#noting(revision, ring, async () => {
      if (submodules.length === 0) return;
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
    this.#passedTree = id;
  }

  /** Remembers that the revision is refused when that is so. */
  async #noting(revision: Revision, { digest }: KeyRing, work: () => Promise<void>): Promise<void> {
    const { onAnswer, clock } = this.#options;
    try {
      await work();
    } catch (thrown) {
      if (!(thrown instanceof SidecarError)) throw thrown;
      onAnswer(thrown.code);
      const before = this.#refused;
      // The same reason as before is no news.
      const error = before && isSame(before, revision, thrown) ? before.error : thrown;
      if (error.facts.revision !== undefined) this.#refused = { revision, error, digest, at: clock.monotonic() };
      throw error;
    }
    onAnswer(undefined);
    this.#refused = undefined;
  }

  async #check(revision: Revision, ring: KeyRing, { oids, gitDir }: Step, signal: AbortSignal): Promise<void> {
    const { policy, git, tags, log, home: homeOptions, clock } = this.#options;
    const { oid, ref } = revision;
    await Home.use(homeOptions, signal, async (home) => {
      const check = new SignatureCheck(home, ring, clock);
      if (policy.commit) {
        const objects = await readObjects(git, gitDir, oids, signal);
        for (const [each, object] of objects)
          if (each !== policy.since) await this.#checkCommit(check, object, `commit ${each}`, each, ref);
      }
      if (policy.tag) {
        await this.#checkTag(check, await tags.find(ref, oid, signal), ref);
        await tags.keep(ref, oid, signal);
      }
    });
    log.info(1, 'verified', { hash: oid, ref, commits: oids.length });
  }

  /** Notes that the revision is about to be shown. @throws SidecarError ERR_ROOT_WRITE */
  async intend(oid: Oid): Promise<void> {
    await this.#options.noWayBack.intend(oid);
  }

  /** Notes that the revision is published now. @throws SidecarError ERR_ROOT_WRITE */
  async remember(oid: Oid): Promise<void> {
    await this.#options.noWayBack.remember(oid);
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
