import { SidecarError } from '../model/error.ts';

export interface GitConfigPair {
  readonly key: string;
  readonly value: string;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', '"': '"', ',': ',', '\\': '\\' };

/** Reads `key:value,key:value` one character at a time (grammar: compat.md 1.6). */
class PairReader {
  readonly #text: string;
  readonly #quotedKeys: boolean;
  #at = 0;

  constructor(text: string, quotedKeys: boolean) {
    this.#text = text;
    this.#quotedKeys = quotedKeys;
  }

  pairs(): GitConfigPair[] {
    const pairs: GitConfigPair[] = [];
    while (this.#at < this.#text.length) {
      const key = this.#readKey();
      const value = this.#readValue(key);
      pairs.push({ key, value });
      if (this.#at < this.#text.length) this.#at += 1;
    }
    return pairs;
  }

  #fail(detail: string): SidecarError {
    return new SidecarError('ERR_CONFIG_GIT_CONFIG', {
      op: 'read git settings',
      detail: `${detail} (at character ${this.#at + 1})`,
    });
  }

  #readKey(): string {
    const first = this.#text[this.#at];
    if (first === ',') throw this.#fail('a key is missing before ","');
    if (first === '"' && this.#quotedKeys) {
      const key = this.#readQuoted();
      if (this.#text[this.#at] !== ':') throw this.#fail('a quoted key must be followed by ":"');
      this.#at += 1;
      return key;
    }
    const colon = this.#text.indexOf(':', this.#at + 1);
    if (colon < 0) throw this.#fail(`no value for key ${JSON.stringify(this.#text.slice(this.#at, this.#at + 60))}`);
    const key = this.#text.slice(this.#at, colon);
    this.#at = colon + 1;
    return key;
  }

  #readValue(key: string): string {
    if (this.#at >= this.#text.length) throw this.#fail(`no value for key ${JSON.stringify(key)}`);
    if (this.#text[this.#at] === '"') {
      const value = this.#readQuoted();
      if (this.#at < this.#text.length && this.#text[this.#at] !== ',')
        throw this.#fail('a quoted value must be followed by ","');
      return value;
    }
    if (this.#text[this.#at] === ',') {
      throw this.#fail(`no value for key ${JSON.stringify(key)}; write ${key}:"" for an empty value`);
    }
    let value = '';
    while (this.#at < this.#text.length && this.#text[this.#at] !== ',') value += this.#readCharacter();
    return value;
  }

  #readQuoted(): string {
    this.#at += 1;
    let value = '';
    while (this.#text[this.#at] !== '"') {
      if (this.#at >= this.#text.length) throw this.#fail('a closing quote is missing');
      value += this.#readCharacter();
    }
    this.#at += 1;
    return value;
  }

  #readCharacter(): string {
    const letter = this.#text[this.#at] ?? '';
    this.#at += 1;
    if (letter !== '\\') return letter;
    const escaped = this.#text[this.#at];
    const meaning = escaped === undefined ? undefined : ESCAPES[escaped];
    if (meaning === undefined) throw this.#fail(`unknown escape "\\${escaped ?? ''}"`);
    this.#at += 1;
    return meaning;
  }
}

/** `section.key` or `section.any text.key` (git-config, "Syntax"). */
const KEY = /^[A-Za-z0-9.-]+(?:\.[^\n\0]*)?\.[A-Za-z][A-Za-z0-9-]*$/;

/**
 * Reads `--git-config`. Differs from git-sync on one point, its fault (compat.md 9.11): an unquoted value’s first
 * character is no longer literal, so `a.b:,c.d:e` is an error instead of swallowing the next pair, and `a.b:\nx`
 * is an escape like everywhere else.
 *
 * @param quotedKeys v4 lets keys be quoted, v3 takes the quotes as part of the key
 * @throws SidecarError ERR_CONFIG_GIT_CONFIG
 */
export function parseGitConfig(text: string, quotedKeys: boolean): GitConfigPair[] {
  const pairs = new PairReader(text, quotedKeys).pairs();
  for (const { key, value } of pairs) {
    if (!KEY.test(key)) {
      throw new SidecarError('ERR_CONFIG_GIT_CONFIG', {
        op: 'read git settings',
        detail: `${JSON.stringify(key.slice(0, 80))} is not a git configuration key`,
      });
    }
    if (value.includes('\0')) {
      throw new SidecarError('ERR_CONFIG_GIT_CONFIG', {
        op: 'read git settings',
        detail: `the value of ${key} holds a NUL character`,
      });
    }
  }
  return pairs;
}
