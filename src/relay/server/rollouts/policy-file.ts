import { readFile } from 'node:fs/promises';
import type { RolloutFile } from '../../../config/rollout-file.ts';
import { messageOf, SidecarError } from '../../../model/error.ts';
import { fileStamp } from '../../../platform/file-stamp.ts';
import type { Logger } from '../../../platform/log.ts';

/** @throws SidecarError ERR_ROLLOUT_POLICY, which names the lines that are wrong */
export type ParsePolicies = (path: string, text: string) => RolloutFile;

/** The file of `--rollouts`, or what a document holds in place of it. */
export class PolicyFile {
  readonly #path: string | undefined;
  readonly #inline: RolloutFile | undefined;
  readonly #parse: ParsePolicies;
  readonly #log: Logger;
  #stamp = '';
  /** The one that this process began with. */
  #decider: string | undefined;

  /** @param source a path; undefined: there are no policies */
  constructor(source: string | RolloutFile | undefined, parse: ParsePolicies, log: Logger) {
    this.#path = typeof source === 'string' ? source : undefined;
    this.#inline = typeof source === 'string' ? undefined : source;
    this.#parse = parse;
    this.#log = log;
  }

  /** @returns undefined when there is no such file @throws SidecarError ERR_ROLLOUT_POLICY */
  async open(): Promise<RolloutFile | undefined> {
    const path = this.#path;
    if (path === undefined) return this.#inline;
    try {
      this.#stamp = await fileStamp(path);
      const file = this.#parse(path, await readFile(path, 'utf8'));
      const decider = JSON.stringify(file.decider ?? null);
      this.#decider ??= decider;
      if (this.#decider === decider) return file;
      const detail = 'another decider takes effect when the relay starts again';
      throw new SidecarError('ERR_ROLLOUT_POLICY', { op: 'use', target: path, detail });
    } catch (cause) {
      if (cause instanceof SidecarError) throw cause;
      throw new SidecarError('ERR_ROLLOUT_POLICY', { op: 'read', target: path, detail: messageOf(cause), cause });
    }
  }

  /**
   * Looks whether it has changed. One that cannot be understood changes nothing.
   * @returns what is in force from now on; undefined when it is as before
   */
  async refresh(): Promise<RolloutFile | undefined> {
    const path = this.#path;
    if (path === undefined) return undefined;
    try {
      if ((await fileStamp(path)) === this.#stamp) return undefined;
      const file = await this.open();
      this.#log.info(0, 'took over the rollout policies', { path, policies: file?.policies.length });
      return file;
    } catch (error) {
      this.#log.error(error, 'the rollout policies cannot be used; the former ones stay in force');
      return undefined;
    }
  }
}
