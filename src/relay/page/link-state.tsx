import type { JSX } from 'preact';
import { usePage } from './context.ts';
import type { Link } from './state.ts';

const WORDS: Readonly<Record<Link, readonly [tone: string, text: string]>> = {
  starting: ['quiet', 'connecting…'],
  live: ['good', 'live'],
  polling: ['warn', 'not live: asked now and then'],
  off: ['bad', 'not connected'],
};

/** Whether what is shown is what is; screen readers hear of it when it changes. */
export function LinkState(): JSX.Element {
  const { state } = usePage();
  const [tone, text] = WORDS[state.link];
  const why = state.link === 'live' || state.link === 'starting' ? undefined : state.trouble;
  return (
    <output class={`badge ${tone}`} aria-live="polite" title={why ?? ''}>
      {text}
    </output>
  );
}

/** Plainly, where old figures would be taken for new ones. */
export function Stale(): JSX.Element | null {
  const { state } = usePage();
  if (state.link !== 'off') return null;
  return (
    <p class="banner bad" role="alert">
      Not connected: {state.trouble ?? 'the relay does not answer'}.{' '}
      {state.isLoaded && 'What is shown below is what was known before. '}
      It is tried again.
    </p>
  );
}
