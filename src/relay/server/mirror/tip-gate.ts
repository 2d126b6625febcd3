import type { VerifyConfig } from '../../../config/sync-config.ts';
import type { Git } from '../../../git/git.ts';
import { SidecarError } from '../../../model/error.ts';
import { type Oid, objectFormatOf, parseOid } from '../../../model/oid.ts';
import type { AdvertisedRef } from '../../../model/ref.ts';
import type { Clock } from '../../../platform/clock.ts';
import { inTurns } from '../../../platform/in-turns.ts';
import type { Logger } from '../../../platform/log.ts';
import { SignatureCheck } from '../../../verify/check-signature.ts';
import { Home, type HomeOptions } from '../../../verify/home.ts';
import type { KeyFiles } from '../../../verify/key-files.ts';
import { PLAIN, readObject } from '../../../verify/raw-objects.ts';
import { requireSignature } from '../../../verify/require-signature.ts';
import { splitCommit, splitTag } from '../../../verify/signed-object.ts';
import { noTag, readTag, TAGS } from '../../../verify/tag-object.ts';
import { type Refs, stepsBetween } from '../../protocol/refs.ts';
import { withFormer } from './former-refs.ts';

export interface TipGateOptions {
  readonly policy: VerifyConfig;
  readonly keys: KeyFiles;
  readonly git: Git;
  /** The mirror. */
  readonly gitDir: string;
  readonly repository: string;
  readonly home: HomeOptions;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called with each answer: the code of a refusal, or undefined. */
  readonly onAnswer: (code: string | undefined) => void;
}

/** A tip that is not passed on, and why. */
export interface RefusedTip {
  readonly oid: Oid;
  readonly error: SidecarError;
}

/** Lets only those tips of a mirror through that the operator's keys vouch for. */
export class TipGate {
  readonly #options: TipGateOptions;
  #digest: string | undefined;
  #refused = new Map<string, RefusedTip>();
  /** Refs whose tip was let through with the keys of today. */
  #passed = new Map<string, Oid>();

  constructor(options: TipGateOptions) {
    this.#options = options;
  }

  /** By the names of their refs. */
  get refused(): ReadonlyMap<string, RefusedTip> {
    return this.#refused;
  }

  /**
   * What of `wanted` is known to be refused, with the keys of today, stays as it is: it is not fetched again.
   * @throws SidecarError ERR_VERIFY_KEYS
   */
  async withoutRefused(wanted: Refs, shown: Refs): Promise<Refs> {
    await this.#readKeys();
    for (const [name, { oid }] of this.#refused) if (wanted.get(name)?.oid !== oid) this.#refused.delete(name);
    return withFormer(wanted, shown, this.#refused);
  }

  /**
   * Verifies the tips that are new; their objects are in the mirror.
   * @returns `wanted`, with what is refused as it is shown now, or left out
   * @throws SidecarError ERR_VERIFY_KEYS, ERR_VERIFY_PROGRAM, ERR_FETCH_OBJECTS
   */
  async admit(wanted: Refs, shown: Refs, signal: AbortSignal): Promise<Refs> {
    const ring = await this.#readKeys();
    const moved = (await inTurns(stepsBetween(shown, wanted))).flatMap(({ ref, to }) =>
      to && ref !== 'HEAD' ? [to] : [],
    );
    const fresh = moved.filter(({ name, oid }) => this.#passed.get(name) !== oid);
    if (fresh.length > 0) {
      await Home.use(this.#options.home, signal, async (home) => {
        const check = new SignatureCheck(home, ring, this.#options.clock);
        for (const ref of fresh) await this.#judge(check, ref, signal);
      });
    }
    for (const name of this.#passed.keys()) if (!wanted.has(name)) this.#passed.delete(name);
    return withFormer(wanted, shown, this.#refused);
  }

  /** With other keys everything is judged anew when it moves, and what was refused at once. */
  async #readKeys(): ReturnType<KeyFiles['read']> {
    const ring = await this.#options.keys.read();
    if (ring.digest !== this.#digest) {
      this.#refused.clear();
      this.#passed.clear();
    }
    this.#digest = ring.digest;
    return ring;
  }

  async #judge(check: SignatureCheck, ref: AdvertisedRef, signal: AbortSignal): Promise<void> {
    const { onAnswer, log, repository } = this.#options;
    const { name, oid } = ref;
    try {
      await this.#require(check, ref, signal);
    } catch (error) {
      if (!(error instanceof SidecarError) || error.facts.revision === undefined) throw error;
      onAnswer(error.code);
      this.#refused.set(name, { oid, error });
      log.error(error, 'a tip is not passed on', { repository, ref: name, hash: oid });
      return;
    }
    onAnswer(undefined);
    this.#refused.delete(name);
    this.#passed.set(name, oid);
  }

  async #require(check: SignatureCheck, { name, oid, peeledOid }: AdvertisedRef, signal: AbortSignal): Promise<void> {
    const { git, gitDir, policy } = this.#options;
    const { type, commit, commitType } = await this.#look(oid, signal);
    // Clients believe what we say that a tag leads to, and so far it is only what the git server says.
    if (peeledOid !== undefined && peeledOid !== commit) throw noTag(name, `the tag does not lead to ${peeledOid}`);
    if (policy.commit && commit !== policy.since) {
      if (commitType !== 'commit')
        throw new SidecarError('ERR_VERIFY_UNSIGNED', { op: 'verify', target: name, detail: 'it shows no commit' });
      const { content } = await readObject(git, gitDir, commit, signal);
      const split = splitCommit(content, objectFormatOf(commit));
      await requireSignature(check, policy.signers, { what: `commit ${commit}`, ref: name, split });
    }
    if (!policy.tag) return;
    if (!name.startsWith(TAGS)) throw noTag(name, 'it is no tag');
    if (type !== 'tag') throw noTag(name, 'it is a plain tag, which nobody can sign');
    const tag = await readTag(git, gitDir, { oid, ref: name, commit }, signal);
    const split = splitTag(tag.content);
    await requireSignature(check, policy.signers, { what: `tag ${name}`, ref: name, split });
  }

  /** What an object is, and what it leads to when it is a tag. */
  async #look(oid: Oid, signal: AbortSignal): Promise<{ type: string; commit: Oid; commitType: string }> {
    const { git, gitDir } = this.#options;
    const { stdout } = await git.run(['--git-dir', gitDir, 'cat-file', '--batch-check'], {
      op: 'look at',
      target: oid,
      stdin: `${oid}\n${oid}^{}\n`,
      signal,
      env: PLAIN,
    });
    const [[, type = ''] = [], [id = '', commitType = ''] = []] = stdout.split('\n').map((line) => line.split(' '));
    const commit = parseOid(id);
    if (commit) return { type, commit, commitType };
    throw new SidecarError('ERR_FETCH_OBJECTS', { op: 'verify', target: oid, detail: 'it is not here' });
  }
}
