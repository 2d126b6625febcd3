import { describe, expect, test } from 'vitest';
import { explainDocument } from '../../../src/config/document/explain-document.ts';
import { load, problemsOf, sync, unitOf } from './kit.ts';

describe('the store of a document', () => {
  test('is known to every sync, together with its name', () => {
    const document = load({ store: '/git/store', sync: [sync('a'), sync('b')] });
    expect(document.store?.directory).toBe('/git/store');
    expect(unitOf(document, 'sync', 'b').config.store).toEqual({ directory: '/git/store', unit: 'b' });
  });

  test('is not there unless somebody names it', () => {
    const document = load({ sync: [sync('a')] });
    expect(document.store).toBe(undefined);
    expect(unitOf(document, 'sync', 'a').config.store).toBe(undefined);
  });

  test('can be given by a variable, and starts syncs again when it changes', () => {
    const source = { store: '${DIR}/store', sync: [sync('a')] };
    const [one, other] = ['/one', '/other'].map((DIR) => load(source, { env: { DIR } }));
    expect(one?.store?.directory).toBe('/one/store');
    expect(one?.units[0]?.digest).not.toBe(other?.units[0]?.digest);
  });

  test('is shown with its place', () => {
    const text = explainDocument(load('store: /git/store\nsync:\n  - {name: a, repo: "https://h/a", root: /git/a}\n'));
    expect(text).toMatch(/^ {2}store +\/git\/store +\/etc\/app\/git\.yaml:1:8$/m);
  });

  test.each([
    ['', 'store must be the path of a directory, in one line'],
    ['/a\nb', 'store must be the path of a directory, in one line'],
    [['/a'], 'store must be a directory'],
    [null, 'store must be a directory'],
  ])('is refused when it is %j', (store, problem) => {
    expect(problemsOf({ store, sync: [sync('a')] })).toEqual([expect.stringContaining(problem)]);
  });

  test.each([
    ['in the repository of a sync', '/git/a/.git/store', '/git/a/.git belongs to sync a'],
    ['in what a sync publishes', '/git/a/current/store', '/git/a/current belongs to sync a'],
    ['around a sync', '/git', '/git/a/.git belongs to sync a'],
    ['in the root of a relay', '/mirrors/store', '/mirrors belongs to relay r'],
    ['in the state of a run', '/state/x', '/state belongs to run w'],
    ['where a run writes', '/srv/app/x', '/srv/app belongs to run w'],
  ])('is refused %s', (_where, store, problem) => {
    const units = {
      sync: [sync('a', { link: 'current' })],
      run: [{ name: 'w', link: '/pub/x', command: 'x', state: '/state', into: '/srv', copy: 'x:app' }],
      relay: [{ name: 'r', root: '/mirrors', allow: 'https://h/*' }],
    };
    expect(problemsOf({ store, http: { bind: ':1' }, ...units }).join('\n')).toContain(problem);
  });

  test('may be beside the trees of a sync, in its root', () => {
    expect(problemsOf({ store: '/git/a/store', sync: [sync('a', { link: 'current' })] })).toEqual([]);
  });
});
