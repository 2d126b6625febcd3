import type { Clock } from '../../platform/clock.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';
import { describeState } from '../rollout/describe-state.ts';
import type { GovernedView } from '../rollout/governed-view.ts';
import type { PlacedState, RolloutEntry } from '../server/rollouts/rollout-desk.ts';
import type { PolicyBook } from './policy-book.ts';
import type { ShownDecisions } from './shown.ts';

export interface ShownViewsOptions {
  readonly shown: ShownDecisions;
  /** The policies that are in force. */
  readonly book: () => PolicyBook;
  readonly clock: Clock;
}

/** What was decided and is shown, as the desk of rollouts tells it; of refs that no policy governs any more nothing. */
export class ShownViews {
  readonly #options: ShownViewsOptions;

  constructor(options: ShownViewsOptions) {
    this.#options = options;
  }

  *describe(shows: (name: RepositoryName) => ((ref: string) => boolean) | undefined): Iterable<RolloutEntry> {
    const now = this.#options.clock.now();
    const { shown, book } = this.#options;
    for (const name of shown.names) {
      const isShown = shows(name);
      for (const [ref, { state }] of Object.entries(shown.of(name) ?? {})) {
        const policy = book().policyOf(name, ref);
        if (policy && isShown?.(ref)) yield { repository: name, ref, ...describeState(policy, state, now) };
      }
    }
  }

  view(name: RepositoryName, ref: string): GovernedView | undefined {
    const { shown, book, clock } = this.#options;
    const policy = book().policyOf(name, ref);
    const found = shown.of(name)?.[ref];
    return policy && found && describeState(policy, found.state, clock.now());
  }

  *states(): Iterable<PlacedState> {
    const { shown, book } = this.#options;
    for (const repository of shown.names)
      for (const [ref, { state }] of Object.entries(shown.of(repository) ?? {})) {
        const policy = book().policyOf(repository, ref)?.name;
        if (policy !== undefined) yield { repository, ref, policy, state };
      }
  }
}
