import { render } from 'preact';
import { readCommits } from './api.ts';
import { App } from './app.tsx';
import { Commits } from './commits.ts';
import { Connection } from './connection.ts';
import { PageContext } from './context.ts';
import { State } from './state.ts';

const state = new State();
const page = { state, commits: new Commits(state, readCommits), connection: new Connection(state) };
const root = document.getElementById('page');
if (root) {
  addEventListener('online', () => page.connection.hurry());
  render(
    <PageContext.Provider value={page}>
      <App />
    </PageContext.Provider>,
    root,
  );
  void page.connection.run();
}
