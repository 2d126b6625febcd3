import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytesReader, readIndex } from '../../src/checkout/index-file.ts';
import { parseCredentials } from '../../src/config/credential-json.ts';
import { FlagSyntaxError, parseV3Flags, parseV4Flags } from '../../src/config/flags.ts';
import { parseGitConfig } from '../../src/config/git-config-grammar.ts';
import { parseGoDuration, parseGoInt } from '../../src/config/go-values.ts';
import { renderGitConfig } from '../../src/git/config-file.ts';
import { SidecarError } from '../../src/model/error.ts';
import { parseRemoteUrl } from '../../src/remote/url.ts';
import { tempDir } from '../kit/temp.ts';
import { git } from '../kit/upstream.ts';

const NOISE = fc
  .array(
    fc.constantFrom('a', '.', ':', ',', '"', '\\', 'n', ' ', '\n', 'b.c:d', 'é', '\0', '=', '-', '--repo', '{', '}'),
  )
  .map((parts) => parts.join(''));

function onlyTyped(kind: new (...args: never[]) => Error, read: () => unknown): void {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(kind);
  }
}

describe('fuzzing what users type', () => {
  test('git-config grammar: no crash, no hang, typed errors only', () => {
    fc.assert(
      fc.property(fc.oneof(NOISE, fc.string()), (text) => onlyTyped(SidecarError, () => parseGitConfig(text, true))),
      { numRuns: 20_000 },
    );
  });

  test('git-config grammar: what is quoted comes out as it was, and git reads it back from our file', () => {
    const dir = tempDir();
    const value = fc.string({ maxLength: 30 }).filter((text) => !/[\0\r]/.test(text));
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 5 }), (values) => {
        const quoted = values.map((text) => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`);
        const pairs = parseGitConfig(values.map((_text, index) => `sec.k${index}:${quoted[index]}`).join(','), true);
        expect(pairs.map((pair) => pair.value)).toEqual(values);
        writeFileSync(join(dir, 'config'), renderGitConfig(pairs));
        expect(git(dir, 'config', '--file', 'config', '--list', '-z').split('\0').slice(0, values.length)).toEqual(
          values.map((text, index) => `sec.k${index}\n${text}`),
        );
      }),
      { numRuns: 60 },
    );
  });

  test('flags, credentials, URLs: typed errors only', () => {
    fc.assert(
      fc.property(fc.array(NOISE, { maxLength: 5 }), (words) => {
        onlyTyped(FlagSyntaxError, () => parseV3Flags(words));
        onlyTyped(FlagSyntaxError, () => parseV4Flags(words, 'sync'));
        onlyTyped(SidecarError, () => parseCredentials(words.join(''), '--credential'));
        onlyTyped(SidecarError, () => parseRemoteUrl(words.join('')));
      }),
      { numRuns: 5000 },
    );
  });

  test('integers and durations survive a round trip', () => {
    fc.assert(fc.property(fc.maxSafeInteger(), (value) => parseGoInt(String(value)) === value || value === 0));
    fc.assert(fc.property(fc.nat(1e9), (value) => parseGoDuration(`${value}ms`) === value));
  });

  test('index files: any bytes give a typed error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(2, 3, 4), fc.nat(5), (bytes, version, count) => {
        const header = Buffer.from([0x44, 0x49, 0x52, 0x43, 0, 0, 0, version, 0, 0, 0, count]);
        onlyTyped(SidecarError, () => [...readIndex(bytesReader(Buffer.concat([header, Buffer.from(bytes)])), 20)]);
      }),
      { numRuns: 5000 },
    );
  });
});
