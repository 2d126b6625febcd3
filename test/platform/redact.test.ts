import fc from 'fast-check';
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
    ['https://user:p@ss@host/x', 'https://user:*****@host/x'],
    ['nats://token@host:4222', 'nats://*****@host:4222'],
    ['git+ssh://git@host/x', 'git+ssh://git@host/x'],
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

  test('a secret of three to seven characters is replaced where it stands alone, a longer one everywhere', () => {
    const redactor = new Redactor();
    redactor.add('git');
    redactor.add('pw12345');
    redactor.add('longer-one');
    expect(redactor.redact('git-sidecar: digits, "git" user:pw12345@ x%3Apw12345 \\npw12345 apw12345')).toBe(
      '*****-sidecar: digits, "*****" user:*****@ x%3A***** \\n***** apw12345',
    );
    expect(redactor.redact('xlonger-onex')).toBe('x*****x');
  });

  const SECRET = 'pa"ss\\wörd/9 & <more>+~!';
  const BASE64 = Buffer.from(SECRET).toString('base64');
  const spellings: Readonly<Record<string, string>> = {
    plain: SECRET,
    JSON: JSON.stringify(SECRET),
    'JSON in JSON': JSON.stringify(JSON.stringify(SECRET)),
    'JSON in ASCII': JSON.stringify(SECRET).replace('ö', '\\u00f6'),
    'JSON with escaped slashes': JSON.stringify(SECRET).replace('/', '\\/'),
    'URL-encoded': encodeURIComponent(SECRET),
    'URL-encoded in lower case': encodeURIComponent(SECRET).replace(/%../g, (byte) => byte.toLowerCase()),
    'URL-encoded as in forms': new URLSearchParams({ p: SECRET }).toString(),
    'every byte URL-encoded': Buffer.from(SECRET).toString('hex').replace(/../g, '%$&'),
    HTML: 'pa&quot;ss\\wörd/9 &amp; &lt;more&gt;+~!',
    base64: BASE64,
    'base64 without padding': BASE64.replace(/=+$/, ''),
    base64url: Buffer.from(SECRET).toString('base64url'),
    'Basic authentication': `Basic ${Buffer.from(`user:${SECRET}`).toString('base64')}`,
    'Basic of another user': Buffer.from(`somebody-else:${SECRET}`).toString('base64'),
    'Basic of a user of another length': Buffer.from(`somebody-els:${SECRET}`).toString('base64'),
    'base64 of a longer text': Buffer.from(`xy ${SECRET} and more`).toString('base64url'),
    hex: Buffer.from(SECRET).toString('hex'),
  };

  test.each(Object.entries(spellings))('a server that echoes a password is redacted: %s', (_name, spelling) => {
    const redactor = new Redactor();
    redactor.add(SECRET, 'user');
    const out = redactor.redact(`you sent ${spelling}, thank you`);
    expect(out).toContain('*****');
    // No four characters of it are left.
    const bare = spelling.replace(/^"|"$|^p=|^Basic /g, '');
    for (let at = Math.ceil(bare.length / 3); at + 4 <= Math.floor((2 * bare.length) / 3); at += 1)
      expect(out).not.toContain(bare.slice(at, at + 4));
    expect(out).toContain('you sent');
    expect(out).toContain(', thank you');
  });

  test('whatever the password, its spellings are not shown', () => {
    const character = fc.constantFrom(...'abcXYZ019"\\/%&<>+=-_.~:@ é€', '😀');
    const secret = fc
      .string({ unit: character, minLength: 10, maxLength: 60 })
      .filter((text) => text.trim().length > 9);
    fc.assert(
      fc.property(secret, fc.string({ maxLength: 5 }), (text, user) => {
        const trimmed = text.trim();
        const redactor = new Redactor();
        redactor.add(text);
        const encoded = Buffer.from(`${user}:${trimmed}`).toString('base64');
        for (const spelling of [trimmed, JSON.stringify(trimmed), encodeURIComponent(trimmed), encoded]) {
          const out = redactor.redact(`x ${spelling} y`);
          expect(out).not.toContain(spelling);
          expect(out).toContain('*****');
        }
      }),
    );
  });

  test('a secret that was cut off where a text was shortened is replaced too', () => {
    const redactor = new Redactor();
    redactor.add('correct-horse-battery');
    expect(redactor.redact('the server says: correct-horse-ba')).toBe('the server says: *****');
    expect(redactor.redact('not a ref line: "correct-horse"')).toBe('not a ref line: "*****"');
    expect(redactor.redact('stdout: "…rse-battery and more"')).toBe('stdout: "…***** and more"');
    expect(redactor.redact('se-battery and more')).toBe('***** and more');
  });

  test('every line of a key is a secret', () => {
    const redactor = new Redactor();
    redactor.add('-----BEGIN KEY-----\nMIIEowIBAAKCAQEA1234\nabcdefghijklmnop\n-----END KEY-----\n');
    expect(redactor.redact('got MIIEowIBAAKCAQEA1234\\nabcdefghijklmnop')).toBe('got *****\\n*****');
  });

  test('tokens that are renewed for months are not all remembered, those of the configuration are', () => {
    const redactor = new Redactor();
    redactor.add('configured-secret');
    for (let index = 0; index < 1000; index += 1) redactor.addRenewed(`renewed-token-${index}.`);
    expect(redactor.redact('configured-secret renewed-token-0. renewed-token-999.')).toBe(
      '***** renewed-token-0. *****',
    );
  });

  test('all texts of a value are redacted, names of properties stay', () => {
    const redactor = new Redactor();
    redactor.add('password');
    const value = { password: 'a password', deep: [{ error: new Error('password!') }], count: 3, none: undefined };
    expect(redactor.redactAll(value)).toEqual({
      password: 'a *****',
      deep: [{ error: '*****!' }],
      count: 3,
      none: undefined,
    });
    const circle: Record<string, unknown> = { at: new Date(0), big: 3n };
    circle.self = circle;
    expect(JSON.stringify(redactor.redactAll(circle))).toContain('"big":"3"');
  });

  test.each([
    ['a'.repeat(100_000)],
    ['a://'.repeat(25_000)],
    [`?${'token'.repeat(20_000)}`],
    [`${'?token'.repeat(20_000)}`],
    ['authorization: '.repeat(7000)],
    [`authorization:${' '.repeat(100_000)}`],
    [`https://${'a:'.repeat(50_000)}`],
    [Buffer.alloc(75_000, 'pass').toString('base64')],
  ])('a long text of a hostile server is looked through in time that grows with its length', (text) => {
    const redactor = new Redactor();
    redactor.add('correct-horse-battery', 'user');
    const time = (what: string): number => {
      const before = performance.now();
      redactor.redact(what);
      return performance.now() - before;
    };
    time(text);
    // Squared it would be minutes.
    expect(time(text)).toBeLessThan(5000);
  });
});
