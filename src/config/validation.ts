import { SidecarError } from '../model/error.ts';
import type { Settings } from './settings.ts';

/** An option value that git-sync refuses at start with exit code 1 (compat.md 1.4). */
export class InvalidOption extends SidecarError {
  /** git-sync prints its usage text with this one. */
  readonly printsUsage: boolean;

  constructor(detail: string, printsUsage = true, hint?: string) {
    super('ERR_CONFIG_INVALID', { op: 'check the options', detail, ...(hint !== undefined && { hint }) });
    this.printsUsage = printsUsage;
  }
}

/** Throws {@link InvalidOption} with `detail` when `wrong`. */
export function refuseIf(wrong: boolean, detail: string, printsUsage = true): void {
  if (wrong) throw new InvalidOption(detail, printsUsage);
}

/** Timeout and backoff of a hook: both at least a second. */
export function checkHookTimes(settings: Settings, hook: 'exechook' | 'webhook' | 'pre-publish-exechook'): void {
  for (const time of ['timeout', 'backoff']) {
    refuseIf(settings.number(`${hook}-${time}`) < 1000, `--${hook}-${time} must be at least 1s`);
  }
}

/** The value of `name` must be one of `words`. */
export function checkWord(settings: Settings, name: string, words: readonly string[]): void {
  refuseIf(!words.includes(settings.text(name)), `--${name} must be one of ${words.join(', ')}`);
}
