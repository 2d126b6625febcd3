import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { messageOf, SidecarError } from '../../model/error.ts';
import { bearerToken } from '../../platform/http-answer.ts';
import type { Logger } from '../../platform/log.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';
import { compileNamePattern, compileRefGlobs } from './allow.ts';
import { addressOf } from './client-address.ts';
import { type RefView, WHOLE_VIEW } from './ref-view.ts';

/** Somebody who may read some repositories. */
export interface Principal {
  /** Who it is: the token or certificate that let it in, or without an access file its address. Holds no secret. */
  readonly id: string;
  readonly mayRead: (name: RepositoryName) => boolean;
  /** Which refs of a repository it may see. */
  readonly viewOf: (name: RepositoryName) => RefView;
}

/** `git.example.com/team/*#main,release/*`: repositories, and those of their refs that may be seen. */
interface Pattern {
  readonly matches: (name: RepositoryName) => boolean;
  /** undefined: all. */
  readonly refs: string | undefined;
}

interface Rule {
  readonly kind: 'bearer' | 'certificate';
  /** Of a token only its digest is kept. */
  readonly digest: Buffer;
  readonly patterns: readonly Pattern[];
}

/** Of repositories, and behind `#` of refs. */
const PATTERN = /^[^#]+(?:#[^~^:?[\\]+)?$/;

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * Reads the access file: a line is `bearer TOKEN PATTERN…` or `certificate NAME PATTERN…`; `#` begins a remark.
 * @throws SidecarError ERR_RELAY_ACCESS_FILE
 */
export function parseAccessRules(text: string, path: string): Rule[] {
  return text.split('\n').flatMap((line, index) => {
    const [kind, who, ...patterns] = line
      .replace(/(^|\s)#.*/, '')
      .trim()
      .split(/\s+/);
    if (kind === undefined || kind === '') return [];
    const isRule = (kind === 'bearer' || kind === 'certificate') && who !== undefined && patterns.length > 0;
    if (!isRule || !patterns.every((pattern) => PATTERN.test(pattern))) {
      const detail = `line ${index + 1} is none of \`bearer TOKEN PATTERN…\` and \`certificate NAME PATTERN…\``;
      throw new SidecarError('ERR_RELAY_ACCESS_FILE', { op: 'read', target: path, detail });
    }
    return [{ kind, digest: digest(who), patterns: patterns.map(readPattern) }];
  });
}

function readPattern(text: string): Pattern {
  const [name = '', refs] = text.split(/#(.*)/s);
  return { matches: compileNamePattern(name), refs };
}

/** What several patterns show together. */
function viewThrough(patterns: readonly Pattern[]): RefView {
  const globs = patterns.map(({ refs }) => refs);
  if (globs.includes(undefined)) return WHOLE_VIEW;
  const texts = [...new Set(globs.map(String))].sort();
  const matchers = texts.map(compileRefGlobs);
  return { id: JSON.stringify(texts), shows: (ref) => matchers.some((each) => each(ref)) };
}

/** `Bearer TOKEN`, or `Basic` with the token for a password, as git sends it. */
function tokenOf(request: IncomingMessage): string | undefined {
  const bearer = bearerToken(request);
  if (bearer !== undefined) return bearer;
  const basic = /^Basic\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (basic === undefined) return undefined;
  return Buffer.from(basic, 'base64').toString().split(/:(.*)/s)[1];
}

/** Names in the client's certificate, where TLS has checked it: its common name and its alternative DNS names and URIs. */
function certificateNames({ socket }: IncomingMessage): string[] {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return [];
  const { subject, subjectaltname = '' } = socket.getPeerCertificate();
  const alternatives = subjectaltname.split(', ').flatMap((entry) => /^(?:DNS|URI):(.+)$/.exec(entry)?.[1] ?? []);
  return [...(subject?.CN ? [subject.CN].flat() : []), ...alternatives];
}

/** Who may read what. Without an access file everybody who reaches the relay may read all that it serves. */
export class Access {
  readonly #path: string | undefined;
  readonly #log: Logger;
  #rules: readonly Rule[] = [];
  #stamp = '';

  constructor(path: string | undefined, log: Logger) {
    this.#path = path;
    this.#log = log;
  }

  /** @throws SidecarError ERR_RELAY_ACCESS_FILE */
  async open(): Promise<void> {
    if (this.#path === undefined) return;
    await this.#read(this.#path);
    this.#stamp = await stampOf(this.#path);
  }

  /** Takes a changed file over. One that cannot be understood changes nothing. */
  async refresh(): Promise<void> {
    if (this.#path === undefined) return;
    try {
      const stamp = await stampOf(this.#path);
      if (stamp === this.#stamp) return;
      await this.#read(this.#path);
      this.#stamp = stamp;
      this.#log.info(0, 'took over the access file', { path: this.#path, rules: this.#rules.length });
    } catch (error) {
      this.#log.error(error, 'the access file cannot be taken over; the rules from before still count');
    }
  }

  /** @returns undefined when nobody is let in with what the request shows */
  identify(request: IncomingMessage): Principal | undefined {
    if (this.#path === undefined)
      return { id: `address ${addressOf(request)}`, mayRead: () => true, viewOf: () => WHOLE_VIEW };
    const token = tokenOf(request);
    const shown = [
      ...(token === undefined ? [] : [{ kind: 'bearer', digest: digest(token) }]),
      ...certificateNames(request).map((name) => ({ kind: 'certificate', digest: digest(name) })),
    ];
    // All of them are compared, so that the time tells nothing.
    const rules = this.#rules.filter((rule) => {
      return shown.filter((each) => timingSafeEqual(each.digest, rule.digest) && each.kind === rule.kind).length > 0;
    });
    const [first] = rules;
    if (!first) return undefined;
    const patterns = rules.flatMap((rule) => rule.patterns);
    const id = `${first.kind} ${first.digest.toString('hex')}`;
    return {
      id,
      mayRead: (name) => patterns.some(({ matches }) => matches(name)),
      viewOf: (name) => viewThrough(patterns.filter(({ matches }) => matches(name))),
    };
  }

  async #read(path: string): Promise<void> {
    try {
      this.#rules = parseAccessRules(await readFile(path, 'utf8'), path);
    } catch (error) {
      if (error instanceof SidecarError) throw error;
      const detail = messageOf(error);
      throw new SidecarError('ERR_RELAY_ACCESS_FILE', { op: 'read', target: path, detail, cause: error });
    }
  }
}

async function stampOf(path: string): Promise<string> {
  const { mtimeMs, size, ino } = await stat(path);
  return `${mtimeMs} ${size} ${ino}`;
}
