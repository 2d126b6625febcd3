import { describe, expect, test } from 'vitest';
import { Redactor, redactUrl } from '../../src/platform/redact.ts';

describe('redaction', () => {
  test.each([
    ['https://user:pass@host/x', 'https://user:*****@host/x'],
    ['https://token@host/x', 'https://*****@host/x'],
    ['ssh://git@host/x', 'ssh://git@host/x'],
    ['two https://a:b@h and http://c:d@i', 'two https://a:*****@h and http://c:*****@i'],
    ['https://h/x?access_token=abc&y=1', 'https://h/x?access_token=*****&y=1'],
    ['https://h/plain', 'https://h/plain'],
  ])('%s', (text, expected) => expect(redactUrl(text)).toBe(expected));

  test('literal secrets, trimmed and percent-encoded too', () => {
    const redactor = new Redactor();
    redactor.add('p@ss word\n');
    expect(redactor.redact('a p@ss word b p%40ss%20word c')).toBe('a ***** b ***** c');
  });

  test('Authorization headers', () => {
    expect(new Redactor().redact('> Authorization: Basic dXNlcjpwYXNz')).toBe('> Authorization: Basic *****');
  });

  test('very short secrets do not tear up ordinary words', () => {
    const redactor = new Redactor();
    redactor.add('a');
    expect(redactor.redact('banana')).toBe('banana');
  });
});
