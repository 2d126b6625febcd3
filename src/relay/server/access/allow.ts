import { SidecarError } from '../../../model/error.ts';
import { compileGlob } from '../../../platform/glob.ts';
import { parseAddress, parseRepositoryName, type RepositoryName } from '../../protocol/repository-name.ts';

/** Where a repository comes from, and which of its refs are passed on. */
export interface Upstream {
  readonly name: RepositoryName;
  /** What git is given. */
  readonly url: string;
  /** The part of the URL that a request budget belongs to. */
  readonly host: string;
  /** True for the full name of a ref that is passed on. */
  readonly covers: (ref: string) => boolean;
  /** What to ask the git server for: full names, those of many ending in `*`. */
  readonly questions: readonly string[];
}

function invalid(text: string, detail: string): SidecarError {
  const hint = 'Write it like https://git.example.com/team/* or git@git.example.com:team/app.git#main,release/*';
  return new SidecarError('ERR_RELAY_PATTERN', { op: 'read the pattern', target: text, detail, hint });
}

/** `*`: something within a segment; `**`: something. Names come from clients and from git servers. */
function compile(glob: string): (name: string) => boolean {
  return compileGlob(glob, { least: 1, questionMark: false });
}

/** A pattern over repository names: `git.example.com/team/*`, where `**` reaches over slashes; `%20` is a space. */
export function compileNamePattern(text: string): (name: RepositoryName) => boolean {
  const bare = text
    .replaceAll('%20', ' ')
    .replace(/^[a-z]+:\/\//i, '')
    .replace(/^[^/]*/, (host) => host.toLowerCase());
  return compile(bare);
}

const EVERYTHING = ['refs/heads/**', 'refs/tags/**'];

/** Short names mean branches and tags. */
function refGlobs(text: string | undefined): readonly string[] {
  if (text === undefined) return EVERYTHING;
  return text.split(',').flatMap((glob) => {
    return glob.startsWith('refs/') ? [glob] : [`refs/heads/${glob}`, `refs/tags/${glob}`];
  });
}

function anyOf(globs: readonly string[]): (ref: string) => boolean {
  const all = globs.map(compile);
  return (ref) => all.some((matches) => matches(ref));
}

/** Which full names of refs a list like `main,release/*` means. */
export function compileRefGlobs(text: string): (ref: string) => boolean {
  return anyOf(refGlobs(text));
}

function refSelection(text: string | undefined): Pick<Upstream, 'covers' | 'questions'> {
  const globs = refGlobs(text);
  return {
    covers: anyOf(globs),
    questions: ['HEAD', ...globs.map((glob) => glob.replace(/\*.*$/, '*'))],
  };
}

/**
 * One `--allow`: which repositories may be asked for, over which transport they are reached, and which of their refs
 * are passed on. The host is always spelled out, so that no client can make a relay contact another host.
 */
export class AllowPattern {
  readonly origin: string | undefined;
  readonly #matches: (name: RepositoryName) => boolean;
  readonly #urlOf: (path: string) => string;
  readonly #host: string;
  readonly #refs: Pick<Upstream, 'covers' | 'questions'>;

  /** @throws SidecarError ERR_RELAY_PATTERN */
  constructor(text: string) {
    const [url = '', refs] = text.split(/#(.*)/s);
    const address = parseAddress(url.includes('://') || /^[^/]+@[^/:]+:/.test(url) ? url : `https://${url}`);
    if (!address) throw invalid(text, 'it is no URL with a host');
    const { scheme, user, host, path } = address;
    if (host.includes('*')) throw invalid(text, 'the host has to be spelled out');
    if (path === '' || /(^|\/)\.\.?(\/|$)|\*\*\*/.test(path)) throw invalid(text, 'the path is missing or odd');
    if (scheme.startsWith('http') && user !== undefined)
      throw invalid(text.replace(/\/\/[^@/]*@/, '//*****@'), 'it holds credentials; use --credential');
    if (refs !== undefined && !/^[^\s~^:?[\\]+$/.test(refs)) throw invalid(text, 'what follows # is no list of refs');
    this.#matches = compileNamePattern(`${host}/${path}`);
    const at = user === undefined ? '' : `${user}@`;
    this.#urlOf =
      scheme === 'scp' ? (to) => `${at}${host}:${to}` : (to) => `${scheme}://${at}${host}/${encodePath(to)}`;
    this.#host = host;
    this.#refs = refSelection(refs);
    this.origin = scheme.startsWith('http') ? `${scheme}://${host}` : undefined;
  }

  /** The repository's upstream; undefined when this pattern does not cover it. */
  resolve(name: RepositoryName): Upstream | undefined {
    if (!this.#matches(name)) return undefined;
    const path = name.slice(name.indexOf('/') + 1);
    return { name, url: this.#urlOf(path), host: this.#host, ...this.#refs };
  }
}

function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

/** The repository that a `--follow` names, which has no wildcard. @throws SidecarError ERR_RELAY_PATTERN */
export function followedName(text: string): RepositoryName {
  const [url = ''] = text.split('#');
  const address = parseAddress(url.includes('://') || /^[^/]+@[^/:]+:/.test(url) ? url : `https://${url}`);
  const name = address && parseRepositoryName(`${address.host}/${address.path}`);
  if (!name) throw invalid(text, 'it does not name one repository');
  return name;
}
