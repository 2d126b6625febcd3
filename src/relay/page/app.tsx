import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { logOut } from './api.ts';
import { useHash, usePage, useVersion } from './context.ts';
import { EVERYTHING } from './filter.ts';
import { Instances } from './instances.tsx';
import { LinkState, Stale } from './link-state.tsx';
import { Login } from './login.tsx';
import { Overview } from './overview-view.tsx';
import { RolloutView } from './rollout-view.tsx';
import { readView, type View, writeView } from './view.ts';

function Content({ view }: { readonly view: View }): JSX.Element {
  if (view.kind === 'rollout') return <RolloutView repository={view.repository} gitRef={view.ref} />;
  return view.kind === 'instances' ? <Instances filter={view.filter} /> : <Overview />;
}

const TABS: readonly (readonly [text: string, view: View, kinds: readonly View['kind'][]])[] = [
  ['Overview', { kind: 'overview' }, ['overview', 'rollout']],
  ['Instances', { kind: 'instances', filter: EVERYTHING }, ['instances']],
];

function Top({ view }: { readonly view: View }): JSX.Element {
  const { state, connection, commits } = usePage();
  const leave = async (): Promise<void> => {
    await logOut().catch(() => undefined);
    commits.forget();
    state.update(() => state.clear());
    connection.restart();
  };
  return (
    <header class="top">
      <a class="brand" href="#/">
        git-sidecar <span class="quiet">relay</span>
      </a>
      <nav aria-label="Views">
        {TABS.map(([text, to, kinds]) => (
          <a key={text} href={writeView(to)} aria-current={kinds.includes(view.kind) ? 'page' : undefined}>
            {text}
          </a>
        ))}
      </nav>
      <span class="space" />
      <LinkState />
      {state.session?.session && (
        <button type="button" class="plain" onClick={leave}>
          Log out
        </button>
      )}
    </header>
  );
}

export function App(): JSX.Element {
  const { state } = usePage();
  useVersion(state);
  const view = readView(useHash());
  useEffect(() => {
    const about = view.kind === 'rollout' ? `${view.repository} – ` : view.kind === 'instances' ? 'instances – ' : '';
    document.title = `${about}git-sidecar relay`;
  });
  if (state.session?.known === false) return <Login />;
  return (
    <>
      <button type="button" class="skip" onClick={skip}>
        Skip to the content
      </button>
      <Top view={view} />
      <main id="content" tabIndex={-1}>
        <Stale />
        {state.isLoaded ? <Content view={view} /> : state.link !== 'off' && <p class="quiet wait">Loading…</p>}
      </main>
    </>
  );
}

/** The address holds the view, so it cannot hold a place of the page too. */
function skip(): void {
  document.getElementById('content')?.focus();
}
