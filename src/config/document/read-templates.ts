import { PLACEHOLDERS, type Placeholder } from '../answer-config.ts';
import { suggest } from '../suggest.ts';
import type { Place, Problems } from './problems.ts';

const EVERY = Object.keys(PLACEHOLDERS) as Placeholder[];
/** What is known of a commit, also when no event is meant. */
export const OF_COMMIT: readonly Placeholder[] = [
  ...(['repository', 'host', 'path', 'ref', 'branch', 'commit', 'short', 'policy'] as const),
];
const MARK = /\{\{([^{}]*)\}\}/g;

/** Looks at the placeholders of a text. What is wrong is among the problems. */
export function checkTemplate(
  text: string,
  at: Place,
  problems: Problems,
  allowed: readonly Placeholder[] = EVERY,
): void {
  for (const [, inner = ''] of text.matchAll(MARK)) {
    const name = inner.trim();
    if (allowed.some((each) => each === name)) continue;
    const nearest = suggest(name, allowed);
    const shown = /^[\w .-]{1,40}$/.test(name) ? `{{${name}}}` : 'a placeholder';
    const hint = nearest === undefined ? `; there are ${allowed.join(', ')}` : `; did you mean {{${nearest}}}?`;
    problems.add(at, `${shown} is not known here${hint}`);
  }
  // JSON has `}}` as well.
  if (text.replace(MARK, '').includes('{{')) problems.add(at, '{{ has no }}: write {{name}}');
}
