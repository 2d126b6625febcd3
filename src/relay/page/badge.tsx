import type { JSX } from 'preact';

/** What a colour says, so that it is not said by the colour alone there is always a word. */
export type Tone = 'good' | 'busy' | 'warn' | 'bad' | 'quiet';

const TONES: Readonly<Record<string, Tone>> = {
  complete: 'good',
  running: 'busy',
  soaking: 'busy',
  paused: 'warn',
  frozen: 'warn',
  reverting: 'warn',
  halted: 'bad',
  current: 'good',
  behind: 'warn',
  starting: 'busy',
  restarting: 'bad',
  failed: 'bad',
  gone: 'quiet',
  completed: 'good',
  aborted: 'bad',
  replaced: 'quiet',
  reverted: 'warn',
  pinned: 'warn',
  'under way': 'busy',
  reachable: 'good',
  unreachable: 'bad',
  'not yet': 'quiet',
  over: 'good',
  open: 'busy',
  waiting: 'quiet',
};

export function toneOf(word: string): Tone {
  return TONES[word] ?? 'quiet';
}

export function Badge({ word }: { readonly word: string }): JSX.Element {
  return <span class={`badge ${toneOf(word)}`}>{word}</span>;
}
