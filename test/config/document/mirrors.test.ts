import { describe, expect, test } from 'vitest';
import { explainDocument } from '../../../src/config/document/explain-document.ts';
import { load, problemsOf, sync, unitOf } from './kit.ts';

describe('a run of a document without a command', () => {
  const mirror = (more: object = {}): object => ({
    sync: [sync('a')],
    run: [{ name: 'pages', from: 'a', into: '/srv', ...more }],
  });

  test('is a mirror', () => {
    const document = load(mirror());
    expect(unitOf(document, 'run', 'pages').config.command).toBeUndefined();
    expect(explainDocument(document)).toMatch(/^ +command +none, a mirror /m);
  });

  test('has none of the options about a process', () => {
    expect(problemsOf(mirror({ restart: 'never' })).join()).toContain('restart is about the process of a command');
  });
});
