import { describe, expect, test } from 'vitest';
import { type Ready, ReadyAnswers } from '../../../../src/relay/server/git/ready-answers.ts';
import { at, refsOf } from '../../../kit/relay-fakes.ts';

const bytes = (text: string): Ready => ({ kind: 'bytes', bytes: Buffer.from(text) });
const question = (text: string): Buffer => Buffer.from(text);

describe('an answer that is remembered', () => {
  test('is that of exactly these bytes, this repository and protocol, and these refs', () => {
    const ready = new ReadyAnswers();
    const refs = refsOf(at('refs/heads/main', '1'));
    ready.keep('2 h/app', question('want a'), refs, bytes('A'));
    expect(ready.find('2 h/app', question('want a'), refs)).toEqual(bytes('A'));
    expect(ready.find('2 h/app', question('want a '), refs)).toBeUndefined();
    expect(ready.find('2 h/app', question('WANT a'), refs)).toBeUndefined();
    expect(ready.find('0 h/app', question('want a'), refs)).toBeUndefined();
    expect(ready.find('2 h/other', question('want a'), refs)).toBeUndefined();
  });

  test('is forgotten when the refs are others, also when a client sees others of them', () => {
    const ready = new ReadyAnswers();
    const refs = refsOf(at('refs/heads/main', '1'));
    ready.keep('2 h/app', question('q'), refs, bytes('A'));
    expect(ready.find('2 h/app', question('q'), refsOf(at('refs/heads/main', '1')))).toBeUndefined();
    expect(ready.find('2 h/app', question('q'), refs)).toBeUndefined();
    expect(ready.bytes).toBe(0);
  });

  test('tells bytes apart that are no text', () => {
    const ready = new ReadyAnswers();
    const refs = refsOf(at('refs/heads/main', '1'));
    ready.keep('2 h/app', Buffer.from([0xff]), refs, bytes('A'));
    expect(ready.find('2 h/app', Buffer.from([0xfe]), refs)).toBeUndefined();
    expect(ready.find('2 h/app', Buffer.from([0xff]), refs)).toEqual(bytes('A'));
  });

  test('takes no more memory than all of them may, whatever clients ask; the longest unused goes first', () => {
    const ready = new ReadyAnswers();
    const refs = refsOf(at('refs/heads/main', '1'));
    ready.keep('2 h/app', question('used'), refs, bytes('A'));
    for (let number = 0; number < 3000; number += 1) {
      ready.keep('2 h/app', question(`q ${number}`), refs, bytes('x'.repeat(10_000)));
      ready.find('2 h/app', question('used'), refs);
    }
    expect(ready.bytes).toBeLessThanOrEqual(4 * 2 ** 20);
    expect(ready.find('2 h/app', question('used'), refs)).toEqual(bytes('A'));
    expect(ready.find('2 h/app', question('q 0'), refs)).toBeUndefined();
    expect(ready.find('2 h/app', question('q 2999'), refs)).toBeDefined();
  });

  test('is a small one to a small question', () => {
    const ready = new ReadyAnswers();
    const refs = refsOf(at('refs/heads/main', '1'));
    ready.keep('2 h/app', question('q'), refs, bytes('x'.repeat(100_000)));
    ready.keep('2 h/app', question('q'.repeat(10_000)), refs, bytes('A'));
    expect(ready.bytes).toBe(0);
  });
});
