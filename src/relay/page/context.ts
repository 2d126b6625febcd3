import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import type { Commits } from './commits.ts';
import type { Connection } from './connection.ts';
import type { State } from './state.ts';

export interface Page {
  readonly state: State;
  readonly commits: Commits;
  readonly connection: Connection;
}

export const PageContext = createContext<Page | undefined>(undefined);

export function usePage(): Page {
  const page = useContext(PageContext);
  if (!page) throw new Error('there is no page around this');
  return page;
}

/** Draws the component again whenever the state changes. */
export function useVersion(state: State): number {
  const [version, setVersion] = useState(state.version);
  useEffect(() => state.listen(() => setVersion(state.version)), [state]);
  return version;
}

/** The time at the relay, in milliseconds since the epoch; anew every `everyMs`. */
export function useNow(everyMs: number): number {
  const { state } = usePage();
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((before) => before + 1), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return Date.now() + state.skewMs;
}

/** The view in the address. */
export function useHash(): string {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const take = (): void => setHash(location.hash);
    addEventListener('hashchange', take);
    return () => removeEventListener('hashchange', take);
  }, []);
  return hash;
}

/** Whether a media query holds at the moment. */
export function useMedia(query: string): boolean {
  const [holds, setHolds] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const media = matchMedia(query);
    const take = (): void => setHolds(media.matches);
    media.addEventListener('change', take);
    return () => media.removeEventListener('change', take);
  }, [query]);
  return holds;
}
