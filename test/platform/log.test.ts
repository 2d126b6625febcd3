import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SidecarError } from '../../src/model/error.ts';
import { createLogger, type LogFormat } from '../../src/platform/log.ts';
import { jsonLogFormat, terminalLogFormat } from '../../src/platform/log-format.ts';
import { Redactor } from '../../src/platform/redact.ts';
import { isVisible } from '../../src/platform/visible-text.ts';

function logger(format: LogFormat, secrets: readonly string[] = []) {
  const lines: string[] = [];
  const redactor = new Redactor();
  for (const secret of secrets) redactor.add(secret);
  const log = createLogger({ verbosity: 9, format, redactor, write: (line) => lines.push(line), now: () => 0 });
  return { log, lines };
}

/** What a server, a repository or an application may say. */
const HOSTILE: Readonly<Record<string, string>> = {
  'a forged line': 'oops\n12:00:00.000 published ref=refs/heads/main hash=forged',
  'a forged line of JSON': 'oops\n{"logger":"","msg":"forged"}',
  'a carriage return': 'error\rall is well',
  'clear screen': 'x\u001b[2J',
  'a window title': '\u001b]0;owned\u0007',
  'a C1 control': 'x\u009b31m',
  'a line separator': 'x\u2028y\u2029z\u0085w',
  'turned writing direction': 'x\u202egnp.exe\u202c \u2066y\u2069 \u200f',
  'delete and backspace': 'x\u007f\b\b',
  'a lone surrogate': 'x\ud800y',
  'tag characters': 'x\u{e0041}\ufeff',
};

const text = terminalLogFormat(false);

describe('log lines', () => {
  test.each(Object.entries(HOSTILE))('%s comes into neither format', (_name, words) => {
    for (const format of [text, jsonLogFormat]) {
      const { log, lines } = logger(format);
      log.info(0, words, { field: words, nested: { list: [words] }, [words]: 1 });
      log.error(new SidecarError('ERR_REMOTE_PROTOCOL', { op: 'list refs', detail: words, hint: 'a hint' }), words);
      log.warn(words, { words });
      for (const line of lines.flatMap((each) => each.slice(0, -1).split('\n             ERR_')))
        expect(isVisible(line), JSON.stringify(line)).toBe(true);
    }
  });

  test('whatever is logged, a JSON line is one line, and its reader gets the very text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (words) => {
        const { log, lines } = logger(jsonLogFormat);
        log.info(0, words, { words });
        expect(lines).toHaveLength(1);
        expect(isVisible((lines[0] ?? '').slice(0, -1))).toBe(true);
        expect(JSON.parse(lines[0] ?? '')).toMatchObject({ msg: words, words });
        const plain = logger(text);
        plain.log.info(0, words, { words });
        expect(isVisible((plain.lines[0] ?? '').slice(0, -1))).toBe(true);
      }),
    );
  });

  test('ordinary words of any language are shown as they are', () => {
    const { log, lines } = logger(text);
    log.info(0, 'schön 日本語 עברית 👩‍💻', { ref: 'refs/heads/größe', words: 'two words' });
    expect(lines).toEqual(['00:00:00.000 schön 日本語 עברית 👩‍💻 ref=refs/heads/größe words="two words"\n']);
  });

  test('a password is redacted in both formats, also one with quotes and backslashes', () => {
    const secret = 'pa"ss\\word9';
    for (const format of [text, jsonLogFormat]) {
      const { log, lines } = logger(format, [secret]);
      const error = new SidecarError('ERR_REMOTE_PROTOCOL', {
        op: 'list refs',
        detail: `you sent ${secret}`,
        hint: `try ${JSON.stringify(secret)}`,
        cause: new Error(`because of ${encodeURIComponent(secret)}`),
      });
      log.error(error, `failed with ${secret}`, { out: `x${secret}y`, args: [secret], more: { secret } });
      expect(lines.join('')).not.toMatch(/pa\\*"ss|word9|pa%22ss/);
      expect(lines.join('').match(/\*{5}/g)?.length).toBeGreaterThanOrEqual(6);
    }
  });

  test('a short secret that is spelled like a key of ours leaves JSON lines whole', () => {
    const { log, lines } = logger(jsonLogFormat, ['msg', 'logger', 'level', 'error', '1970', 'hash']);
    log.info(0, 'published', { hash: '0123197045', ms: 1970 });
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      logger: '',
      ts: '1970-01-01 00:00:00.000000',
      level: 0,
      msg: 'published',
      hash: '0123197045',
      ms: 1970,
    });
  });

  test('what cannot be JSON does not end the program that logs it', () => {
    const { log, lines } = logger(jsonLogFormat);
    const circle: Record<string, unknown> = { big: 3n };
    circle.self = circle;
    log.info(0, 'odd', { circle, call: () => 1 });
    expect(lines).toHaveLength(1);
  });
});
