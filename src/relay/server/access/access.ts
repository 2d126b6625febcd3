import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { messageOf, SidecarError } from '../../../model/error.ts';
import { addressOf } from '../../../platform/client-address.ts';
import type { Clock } from '../../../platform/clock.ts';
import { fileStamp } from '../../../platform/file-stamp.ts';
import { compileGlob } from '../../../platform/glob.ts';
import { bearerToken } from '../../../platform/http-answer.ts';
import type { Logger } from '../../../platform/log.ts';
import type { RepositoryName } from '../../protocol/repository-name.ts';
import { type RefView, WHOLE_VIEW } from '../streams/ref-view.ts';
import { compileNamePattern, compileRefGlobs } from './allow.ts';

/** An identity that may read some repositories. */
export interface Principal {
  /** Its name: the token or certificate that it showed, or without an access file its address. Holds no secret. */
  readonly id: string;
  readonly mayRead: (name: RepositoryName) => boolean;
  /** Which refs of a repository it may see. */
  readonly viewOf: (name: RepositoryName) => RefView;
  /** Which instances of a repository it may be. */
  readonly namesOf: (name: RepositoryName) => NameView;
  /** Whether it may give orders about the releases of a ref. */
  readonly maySteer: (name: RepositoryName, ref: string) => boolean;
  /** The same client by the access file and the time as they are now; undefined when it would not be let in any more. */
  readonly renewed: () => Principal | undefined;
}

/** Names of instances. */
export interface NameView {
  /** The same for the same names. */
  readonly id: string;
  readonly allows: (instance: string) => boolean;
}

const ALL_NAMES: NameView = { id: '', allows: () => true };

/** `git.example.com/team/*#main,release/*`: repositories, and those of their refs that may be seen. */
interface Pattern {
  readonly matches: (name: RepositoryName) => boolean;
  /** undefined: all. */
  readonly refs: string | undefined;
  /** Globs of the instances that it may be; undefined: all. */
  readonly names: readonly string[] | undefined;
  /** It may give orders too, not only read. */
  readonly steers: boolean;
}

interface Rule {
  /** `bearer DIGEST` or `certificate DIGEST`: of a token only its digest is kept, and compared. */
  readonly id: string;
  readonly patterns: readonly Pattern[];
}

/** What a request shows of its sender. */
interface Shown {
  /** As in {@link Rule}. */
  readonly ids: readonly string[];
  /** When the certificate ends, in milliseconds since the epoch. */
  readonly until: number;
}

/** Principals that are kept for later requests. */
const MOST_SHARED = 10_000;

/** Of repositories, and behind `#` of refs. */
const PATTERN = /^[^#]+(?:#[^~^:?[\\]+)?$/;

const idOf = (kind: 'bearer' | 'certificate', secret: string): string =>
  `${kind} ${createHash('sha256').update(secret).digest('hex')}`;

/**
 * Reads the access file: a line is `bearer TOKEN PATTERN…` or `certificate NAME PATTERN…`, with `steer` before it for
 * those who may also give orders about releases, and `as NAME…` behind it for the instances that it may be; `#` begins a
 * remark.
 * @throws SidecarError ERR_RELAY_ACCESS_FILE
 */
export function parseAccessRules(text: string, path: string): Rule[] {
  return text.split('\n').flatMap((line, index) => {
    const words = line
      .replace(/(^|\s)#.*/, '')
      .trim()
      .split(/\s+/);
    const steers = words[0] === 'steer';
    const [kind, who, ...rest] = steers ? words.slice(1) : words;
    const as = rest.indexOf('as');
    const [patterns, names] = as < 0 ? [rest, undefined] : [rest.slice(0, as), rest.slice(as + 1)];
    if (!steers && (kind === undefined || kind === '')) return [];
    const isRule =
      (kind === 'bearer' || kind === 'certificate') && who !== undefined && patterns.length > 0 && names?.length !== 0;
    if (!isRule || !patterns.every((pattern) => PATTERN.test(pattern))) {
      const detail = `line ${index + 1} is none of \`bearer TOKEN PATTERN…\` and \`certificate NAME PATTERN…\`, with or without \`steer\` before it and \`as INSTANCE…\` behind it`;
      throw new SidecarError('ERR_RELAY_ACCESS_FILE', { op: 'read', target: path, detail });
    }
    return [{ id: idOf(kind, who), patterns: patterns.map((text) => readPattern(text, names, steers)) }];
  });
}

function readPattern(text: string, names: readonly string[] | undefined, steers: boolean): Pattern {
  const [name = '', refs] = text.split(/#(.*)/s);
  return { matches: compileNamePattern(name), refs, names, steers };
}

/** The names of several patterns together. */
function namesThrough(patterns: readonly Pattern[]): NameView {
  if (patterns.some(({ names }) => names === undefined)) return ALL_NAMES;
  const globs = [...new Set(patterns.flatMap(({ names = [] }) => names))].sort();
  const matchers = globs.map((glob) => compileGlob(glob, { least: 0, questionMark: true }));
  return { id: JSON.stringify(globs), allows: (instance) => matchers.some((each) => each(instance)) };
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

/**
 * What the client's certificate shows, where TLS has checked it: its common name, its alternative DNS names and URIs.
 * TLS has looked at its dates when the connection was opened, which may be long ago.
 */
function shownCertificate({ socket }: IncomingMessage): Shown {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return { ids: [], until: Number.POSITIVE_INFINITY };
  const { subject, subjectaltname = '', valid_to } = socket.getPeerCertificate();
  const alternatives = subjectaltname.split(', ').flatMap((entry) => /^(?:DNS|URI):(.+)$/.exec(entry)?.[1] ?? []);
  const names = [...(subject?.CN ? [subject.CN].flat() : []), ...alternatives];
  return { ids: names.map((name) => idOf('certificate', name)), until: Date.parse(valid_to ?? '') };
}

/**
 * Which principal may read what. Without an access file every client that reaches the relay may read all that it
 * serves.
 */
export class Access {
  readonly #path: string | undefined;
  readonly #log: Logger;
  readonly #clock: Clock;
  #rules = new Map<string, Rule['patterns']>();
  #stamp = '';
  /** What earlier requests of a connection showed, and who that was. */
  #known = new WeakMap<Socket, { readonly authorization: string | undefined; readonly principal: Principal }>();
  /** Those that need no certificate, by id: a whole fleet has one token, and streams keep their principals. */
  readonly #shared = new Map<string, Principal>();

  constructor(path: string | undefined, log: Logger, clock: Clock) {
    this.#path = path;
    this.#log = log;
    this.#clock = clock;
  }

  /** @throws SidecarError ERR_RELAY_ACCESS_FILE */
  async open(): Promise<void> {
    if (this.#path === undefined) return;
    await this.#read(this.#path);
    this.#stamp = await fileStamp(this.#path);
  }

  /**
   * Takes a changed file over. One that cannot be understood changes nothing.
   * @returns whether there are other rules now
   */
  async refresh(): Promise<boolean> {
    if (this.#path === undefined) return false;
    try {
      const stamp = await fileStamp(this.#path);
      if (stamp === this.#stamp) return false;
      await this.#read(this.#path);
      this.#stamp = stamp;
      this.#log.info(0, 'took over the access file', { path: this.#path, principals: this.#rules.size });
      return true;
    } catch (error) {
      this.#log.error(error, 'the access file cannot be used; the former rules stay in force');
      return false;
    }
  }

  /** Every client may read: there is no access file. */
  get isOpen(): boolean {
    return this.#path === undefined;
  }

  /** Who has this token; undefined when the access file has no line with it. */
  holderOf(token: string): Principal | undefined {
    return this.#principalOf({ ids: [idOf('bearer', token)], until: Number.POSITIVE_INFINITY });
  }

  /** @returns undefined when what the request shows gives no access */
  identify(request: IncomingMessage): Principal | undefined {
    const { socket } = request;
    const { authorization } = request.headers;
    const known = this.#known.get(socket);
    if (known && known.authorization === authorization) return known.principal;
    if (this.#path === undefined) {
      const address = addressOf(request);
      return this.#keep(
        request,
        this.#share(`address ${address}`, () => everybody(address)),
      );
    }
    const token = tokenOf(request);
    const { ids, until } = shownCertificate(request);
    const bearer = token === undefined ? [] : [idOf('bearer', token)];
    const principal = this.#principalOf({ ids: [...bearer, ...ids], until });
    // A certificate ends.
    return principal && ids.length === 0 ? this.#keep(request, principal) : principal;
  }

  #keep({ socket, headers: { authorization } }: IncomingMessage, principal: Principal): Principal {
    this.#known.set(socket, { authorization, principal });
    return principal;
  }

  #share(id: string, make: () => Principal): Principal {
    const known = this.#shared.get(id);
    if (known) return known;
    if (this.#shared.size >= MOST_SHARED) this.#shared.clear();
    const principal = make();
    this.#shared.set(id, principal);
    return principal;
  }

  #principalOf(shown: Shown): Principal | undefined {
    const [only, ...others] = shown.ids;
    if (only === undefined) return undefined;
    const isToken = others.length === 0 && shown.until === Number.POSITIVE_INFINITY && this.#rules.has(only);
    return isToken ? this.#share(only, () => this.#make(shown, [only])) : this.#find(shown);
  }

  #find(shown: Shown): Principal | undefined {
    const isOver = !(this.#clock.now() < shown.until);
    const ids = shown.ids.filter((id) => this.#rules.has(id) && !(isOver && id.startsWith('certificate ')));
    return ids.length === 0 ? undefined : this.#make(shown, ids);
  }

  #make(shown: Shown, ids: readonly string[]): Principal {
    const [id = ''] = ids;
    const patterns = ids.flatMap((each) => this.#rules.get(each) ?? []);
    return {
      id,
      mayRead: (name) => patterns.some(({ matches }) => matches(name)),
      viewOf: (name) => viewThrough(patterns.filter(({ matches }) => matches(name))),
      namesOf: (name) => namesThrough(patterns.filter(({ matches }) => matches(name))),
      maySteer: (name, ref) => {
        const steering = patterns.filter(({ matches, steers }) => steers && matches(name));
        return steering.length > 0 && viewThrough(steering).shows(ref);
      },
      renewed: () => this.#principalOf(shown),
    };
  }

  async #read(path: string): Promise<void> {
    try {
      const rules = new Map<string, Rule['patterns']>();
      for (const { id, patterns } of parseAccessRules(await readFile(path, 'utf8'), path))
        rules.set(id, [...(rules.get(id) ?? []), ...patterns]);
      this.#rules = rules;
      this.#known = new WeakMap();
      this.#shared.clear();
    } catch (error) {
      if (error instanceof SidecarError) throw error;
      const detail = messageOf(error);
      throw new SidecarError('ERR_RELAY_ACCESS_FILE', { op: 'read', target: path, detail, cause: error });
    }
  }
}

function everybody(address: string): Principal {
  const principal: Principal = {
    id: `address ${address}`,
    mayRead: () => true,
    viewOf: () => WHOLE_VIEW,
    namesOf: () => ALL_NAMES,
    maySteer: () => false,
    renewed: () => principal,
  };
  return principal;
}
