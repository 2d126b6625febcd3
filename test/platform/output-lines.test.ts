import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OutputLines } from '../../src/platform/output-lines.ts';
import { Redactor } from '../../src/platform/redact.ts';

const SECRET = 'correct horse "battery"';

function passOn(chunks: readonly string[]): string {
  let out = '';
  const redactor = new Redactor();
  redactor.add(SECRET);
  const lines = new OutputLines(redactor, (text) => {
    out += text;
  });
  for (const chunk of chunks) lines.take(chunk);
  lines.end();
  return out;
}

/** `text` in pieces that end at `cuts`. */
function cut(text: string, cuts: readonly number[]): string[] {
  const places = [0, ...cuts.map((place) => place % text.length).sort((a, b) => a - b), text.length];
  return places.slice(1).map((end, index) => text.slice(places[index], end));
}

describe('output that is passed on', () => {
  test('a secret that comes in pieces is not shown, wherever it is cut', () => {
    const whole = `first\nyou sent ${SECRET}, thank you\r50%\rlast ${encodeURIComponent(SECRET)}`;
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 1000 }), { maxLength: 8 }), (cuts) => {
        expect(passOn(cut(whole, cuts))).toBe('first\nyou sent *****, thank you\r50%\rlast *****');
      }),
    );
  });

  test('nor in a line without an end, however long', () => {
    for (let before = 0; before < 40_000; before += 997) {
      const out = passOn(cut(`${'x'.repeat(before)} ${SECRET} ${'y'.repeat(30_000)}`, [5000, 9000, 16_390, 20_000]));
      expect(out).not.toMatch(/horse|battery/);
      expect(out.replace(/[^y]/g, '')).toHaveLength(30_000);
    }
  });

  test('what a terminal would act on is shown, line ends and tabs are kept', () => {
    expect(passOn(['a\tb\n', '\u001b[2Jc\u009b\u202e\r', 'd'])).toBe('a\tb\n\\u001b[2Jc\\u009b\\u202e\rd');
  });
});
