import { isAbsolute, join, resolve } from 'node:path';
import { SidecarError } from '../model/error.ts';
import type { Loaded } from './load.ts';
import type { CommandName } from './option.ts';
import { optionNamed } from './options.ts';
import type { EnvironmentVariables, Settings } from './settings.ts';

const QUESTIONS = ['help', 'version', 'man', 'explain'] as const;

/** What a command line asks about the command itself; undefined when the command is to start. */
export function questionOf(settings: Settings): (typeof QUESTIONS)[number] | undefined {
  return QUESTIONS.find((name) => settings.isOn(name));
}

/**
 * The file that says why the process ended. Empty for a command that a person types beside a service: it does not
 * explain how that service ended.
 * @param settings undefined before the command line is read
 */
export function terminationLogOf(name: CommandName, env: EnvironmentVariables, settings?: Settings): string {
  const option = optionNamed('termination-log');
  if (!option.commands.includes(name)) return '';
  return settings?.text(option.name) ?? env[option.env[0] ?? ''] ?? option.default;
}

/** The error file, and the directory below which it is written; undefined when there is none. */
export function errorFileOf(settings: Settings): { readonly root: string; readonly path: string } | undefined {
  if (!settings.isOn('error-file')) return undefined;
  const [root, path] = [settings.text('root'), settings.text('error-file')];
  if (isAbsolute(path)) return { root, path };
  return root === '' ? undefined : { root, path: join(root, path) };
}

/**
 * Where the run keeps its state that `rollback` is for, and the commit to go back to; undefined: the release before.
 * @throws SidecarError ERR_CONFIG_USAGE
 */
export function rollbackOf({ settings, words }: Loaded, cwd: string): { state: string; commit: string | undefined } {
  if (!settings.isOn('state'))
    throw new SidecarError('ERR_CONFIG_USAGE', { op: 'read the command line', detail: '--state must be set' });
  return { state: resolve(cwd, settings.text('state')), commit: words[0] };
}

/**
 * Refuses a word that is no option.
 * @param most how many such words the command takes
 * @throws SidecarError ERR_CONFIG_USAGE
 */
export function refuseStray(name: CommandName, { words }: Loaded, most = 0): void {
  const stray = words[most];
  if (stray === undefined) return;
  const behind = name === 'run' ? '; the command comes behind --' : '';
  const detail = `${JSON.stringify(stray)} is no option${behind}`;
  throw new SidecarError('ERR_CONFIG_USAGE', { op: 'read the command line', detail });
}

/** The document of `up`. @throws SidecarError ERR_CONFIG_USAGE */
export function documentOf({ words: [path] }: Loaded): string {
  if (path !== undefined) return path;
  throw new SidecarError('ERR_CONFIG_USAGE', {
    op: 'read the command line',
    detail: 'FILE must be given: the document',
  });
}

/** `up` is only to say whether the document is valid. */
export function checkOf({ settings }: Loaded): boolean {
  return settings.isOn('check');
}

/** How `doctor` prints its result. @throws SidecarError ERR_CONFIG_USAGE */
export function outputOf({ settings }: Loaded): 'text' | 'json' {
  const text = settings.text('output');
  if (text === 'text' || text === 'json') return text;
  const detail = `--output must be text or json, not ${JSON.stringify(text)}`;
  throw new SidecarError('ERR_CONFIG_USAGE', { op: 'read the command line', detail });
}

const FLEET_USAGE =
  'the words must be: URL; watch URL, perhaps with REPOSITORY#REF; or wait, pause, resume, promote, abort, revert, pin or unpin, then URL, REPOSITORY#REF and for some COMMIT, or --commit=COMMIT';
const FLEET_VERBS = ['watch', 'wait', 'pause', 'resume', 'promote', 'abort', 'revert', 'pin', 'unpin'] as const;

/** What `fleet` is for. */
export interface FleetRequest {
  readonly verb: 'show' | (typeof FLEET_VERBS)[number];
  /** The relay. */
  readonly url: URL;
  readonly asJson: boolean;
  /** Empty with `show`, perhaps with `watch`. */
  readonly repository: string;
  /** A full name; empty where the repository is. */
  readonly ref: string;
  readonly commit: string | undefined;
  readonly tokenFile: string | undefined;
  readonly who: string;
  readonly why: string;
  readonly withinMs: number;
}

/** What `fleet` is asked to do. @throws SidecarError ERR_CONFIG_USAGE */
export function fleetOf({ settings, words }: Loaded): FleetRequest {
  const verb = FLEET_VERBS.find((each) => each === words[0]) ?? 'show';
  const [text, what = '', word, ...more] = verb === 'show' ? words : words.slice(1);
  const commit = word ?? (settings.text('commit') || undefined);
  const url = httpUrl(text);
  const [repository = '', name = ''] = what.split(/#(.*)/s);
  const isNamed =
    what === '' ? verb === 'show' || verb === 'watch' : verb !== 'show' && repository !== '' && name !== '';
  const takesCommit = verb === 'wait' || verb === 'revert' || verb === 'pin';
  const isCommit = commit === undefined ? verb !== 'wait' : takesCommit;
  const usage = (detail: string): SidecarError =>
    new SidecarError('ERR_CONFIG_USAGE', { op: 'read the command line', detail });
  if (!url || !isNamed || !isCommit || more.length > 0) throw usage(FLEET_USAGE);
  if (word !== undefined && settings.isSet('commit') && word !== settings.text('commit'))
    throw usage('--commit and the word name different commits');
  if (verb === 'wait' && !/^[\da-f]{7,64}$/i.test(commit ?? ''))
    throw usage(`wait needs an object id, or seven digits of it or more, not ${JSON.stringify(commit)}`);
  const [who, why] = [settings.text('who'), settings.text('why')];
  const isOrder = verb !== 'show' && verb !== 'watch' && verb !== 'wait';
  if (isOrder && (who === '' || why === '')) throw usage('an order needs --why, and --who where $USER is not set');
  return {
    ...{ verb, url, repository, commit: commit?.toLowerCase(), who, why },
    ref: name === '' || name.startsWith('refs/') ? name : `refs/heads/${name}`,
    asJson: settings.isOn('json'),
    tokenFile: settings.text('token-file') || undefined,
    withinMs: settings.number('within'),
  };
}

/** The URL that a person typed, perhaps without `http://`. */
function httpUrl(text: string | undefined): URL | undefined {
  const given = text !== undefined && !/^[a-z]+:\/\//i.test(text) ? `http://${text}` : text;
  return given !== undefined && /^https?:\/\//i.test(given) && URL.canParse(given) ? new URL(given) : undefined;
}

/**
 * The endpoint that `status` asks, and whether its answer is for a program.
 * @throws SidecarError ERR_CONFIG_USAGE
 */
export function statusOf({ settings, words: [text] }: Loaded): { readonly url: URL; readonly asJson: boolean } {
  const url = httpUrl(text);
  if (url) return { url: new URL('/status', url), asJson: settings.isOn('json') };
  const detail = 'URL must be given, such as http://localhost:8080';
  throw new SidecarError('ERR_CONFIG_USAGE', { op: 'read the command line', detail });
}
