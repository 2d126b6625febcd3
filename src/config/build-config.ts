import { isAbsolute, join, resolve } from 'node:path';
import { parseOid } from '../model/oid.ts';
import { expandRef } from '../model/ref.ts';
import { isInside } from '../platform/paths.ts';
import { parseRemoteUrl } from '../remote/url.ts';
import { buildGitAccess } from './build-git-access.ts';
import { parseCredentials } from './credential-json.ts';
import { parseHttpBind } from './http-bind.ts';
import { ownPlaces, parseInto } from './into.ts';
import { newestTarget } from './newest-target.ts';
import { parseNats, parseRelayClient } from './relay-client.ts';
import { parseRepositoryPath } from './repository-path.ts';
import { secretsOf, showsSecrets } from './secrets.ts';
import { type EnvironmentVariables, effectiveName, type Settings } from './settings.ts';
import { parseSignal } from './signals.ts';
import type {
  ExechookConfig,
  GcMode,
  PathMissing,
  ProcessSignalConfig,
  SpareMode,
  SubmoduleMode,
  SyncConfig,
  Target,
  WebhookConfig,
} from './sync-config.ts';
import { parseTraces } from './trace-config.ts';
import { validateV3 } from './validate-v3.ts';
import { validateV4 } from './validate-v4.ts';
import { refuseIf } from './validation.ts';
import { verifyConfig } from './verify.ts';

/** Shortest pause between polls in v3 mode, where 0 used to mean none at all. */
const V3_SHORTEST_WAIT_S = 1;

function v4Target(settings: Settings): Target {
  const branch = settings.text('branch');
  const rev = settings.text('rev');
  const flagWins = settings.get('ref').source === 'flag';
  const fromOld = (name: 'branch' | 'rev'): boolean => !(flagWins && settings.get(name).source === 'env');
  const old = branch !== '' && fromOld('branch') ? branch : rev !== '' && fromOld('rev') ? rev : undefined;
  return targetOf(old ?? settings.text('ref'));
}

function targetOf(requested: string): Target {
  const oid = parseOid(requested);
  return oid ? { kind: 'oid', requested, oid } : { kind: 'ref', requested, candidates: expandRef(requested) };
}

/** v3: `--rev=HEAD` follows the branch; anything else is an object id on it, or a tag. */
function v3Target(settings: Settings): Target {
  if (settings.isSet('ref')) return targetOf(settings.text('ref'));
  const branch = settings.text('branch');
  const rev = settings.text('rev');
  const branches = branch.startsWith('refs/') ? [branch] : [`refs/heads/${branch}`, `refs/tags/${branch}`];
  if (rev === 'HEAD' || rev === '') return { kind: 'ref', requested: branch, candidates: branches };
  const oid = parseOid(rev);
  if (oid) return { kind: 'oid', requested: rev, oid };
  if (/^[0-9a-f]{4,63}$/i.test(rev)) return { kind: 'abbreviated', requested: rev.toLowerCase(), candidates: branches };
  return { kind: 'ref', requested: rev, candidates: [`refs/tags/${rev}`, rev] };
}

/**
 * Where the link is.
 * @throws InvalidOption when it may not be there
 */
export function linkPath(settings: Settings, root: string, stateDir = root): string {
  const name = effectiveName(settings, 'link', 'dest');
  const chosen = settings.text(name);
  const leaf = settings.text('repo').replace(/\/+$/, '').split(/[/:]/).at(-1) ?? '';
  const link = chosen.replace(/\/+$/, '') || leaf;
  const path = resolve(root, link);
  const reserved = [root, stateDir].flatMap((each) => [join(each, '.git'), join(each, '.worktrees')]);
  refuseIf(
    link === '' || path === root || path === stateDir || reserved.some((each) => isInside(path, each)),
    `--${name} ${JSON.stringify(link)} cannot be used: it must be none of the root itself, .git and .worktrees`,
    false,
  );
  return path;
}

/**
 * Where the repository and the worktrees are.
 * @throws InvalidOption when that is in the root after all, or the root in it
 */
function statePath(settings: Settings, root: string): string {
  if (!settings.isOn('state-dir')) return root;
  const path = resolve(settings.text('state-dir'));
  const isNested = isInside(path, root) || isInside(root, path);
  refuseIf(isNested, `--state-dir ${path} and --root ${root} must be outside of each other`, false);
  return path;
}

function exechook(
  settings: Settings,
  name: 'exechook' | 'pre-publish-exechook',
  command: string,
): ExechookConfig | undefined {
  if (command === '') return undefined;
  return {
    command,
    args: settings.list(`${name}-arg`),
    details: settings.flag('hook-details'),
    timeoutMs: settings.number(`${name}-timeout`),
    backoffMs: settings.number(`${name}-backoff`),
  };
}

function exechookCommand(settings: Settings): string {
  const old = settings.text('sync-hook-command');
  if (settings.mode !== 'v4') return settings.text('exechook-command') || old;
  return settings.text(effectiveName(settings, 'exechook-command', 'sync-hook-command'));
}

/** Methods whose requests have no body that a receiver would read (RFC 9110, 9.3). */
const WITHOUT_BODY: readonly string[] = ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT'];

function webhook(settings: Settings): WebhookConfig | undefined {
  const url = settings.text('webhook-url');
  if (url === '') return undefined;
  const status = settings.number('webhook-success-status');
  const method = settings.text('webhook-method') || 'POST';
  const format = settings.text('webhook-format') as WebhookConfig['format'];
  refuseIf(
    format === 'cloudevents' && WITHOUT_BODY.includes(method.toUpperCase()),
    `--webhook-format cloudevents needs a --webhook-method with a body, such as POST; ${method} has none`,
    false,
  );
  return {
    url,
    method,
    format,
    successStatus: status === -1 || (status === 0 && settings.mode === 'v4') ? undefined : status,
    timeoutMs: settings.number('webhook-timeout'),
    backoffMs: settings.number('webhook-backoff'),
    sendHash: settings.mode !== 'v3.1',
  };
}

function processSignal(settings: Settings): ProcessSignalConfig | undefined {
  const [name, target] = [settings.text('signal'), settings.text('signal-process')];
  const signal = parseSignal(name);
  if (signal === undefined) return undefined;
  const path = /^pidfile:(.+)$/.exec(target)?.[1];
  return {
    signal,
    target: path === undefined ? { kind: 'name', value: target } : { kind: 'pidfile', value: path },
    backoffMs: settings.number('exechook-backoff'),
  };
}

/**
 * Failures in a row after which to exit. v4: 0 and 1 both mean the first; v3.3.5 tolerates N; 3.1.1 as well, but
 * its first sync must succeed. Negative: never (compat.md 6).
 */
function failureLimits(settings: Settings): Pick<SyncConfig, 'maxFailures' | 'initMaxFailures'> {
  const name = effectiveName(settings, 'max-failures', 'max-sync-failures');
  const given = settings.number(name);
  const tolerates = name === 'max-sync-failures' && settings.mode !== 'v4';
  const limit = (count: number): number | undefined =>
    count < 0 ? undefined : tolerates ? count + 1 : Math.max(1, count);
  const init = settings.get('init-max-failures');
  const initLimit = init.source === 'default' ? limit(given) : limit(Number(init.value));
  return {
    maxFailures: limit(given),
    initMaxFailures: settings.mode === 'v3.1' && init.source === 'default' ? 1 : initLimit,
  };
}

function periods(settings: Settings): Pick<SyncConfig, 'periodMs' | 'initPeriodMs' | 'syncTimeoutMs'> {
  const byWait = effectiveName(settings, 'period', 'wait') === 'wait';
  const wait = Math.trunc(settings.number('wait') * 1000);
  const shortest = settings.mode === 'v4' ? 10 : V3_SHORTEST_WAIT_S * 1000;
  const periodMs = byWait ? (wait <= 0 ? shortest : wait) : settings.number('period');
  const byTimeout = effectiveName(settings, 'sync-timeout', 'timeout') === 'timeout';
  return {
    periodMs,
    initPeriodMs: settings.number('init-period') || periodMs,
    syncTimeoutMs: byTimeout ? settings.number('timeout') * 1000 : settings.number('sync-timeout'),
  };
}

/** compat.md 6: 3.1.1 hands the decimal digits to chmod; 3.3.5 takes the number for what it is. */
function permissions(settings: Settings): number | undefined {
  const number = settings.number('change-permissions');
  if (number === 0) return undefined;
  return settings.mode === 'v3.1' ? Number.parseInt(String(number), 8) : number;
}

/** `--no-spare` is an older spelling. */
function spareMode(settings: Settings): SpareMode {
  const isNone = settings.flag('no-spare');
  const isChosen = settings.isSet('spare') && settings.text('spare') !== 'never';
  refuseIf(isNone && isChosen, 'only one of --spare and --no-spare may be set', false);
  return isNone ? 'never' : (settings.text('spare') as SpareMode);
}

function absoluteIn(root: string, path: string): string | undefined {
  return path === '' ? undefined : isAbsolute(path) ? path : join(root, path);
}

/** A relay that restarts is no reason to end; a limit has to be given explicitly. */
function throughRelay(settings: Settings): boolean {
  const isChosen = ['max-failures', 'max-sync-failures', 'init-max-failures'].some((name) => settings.isSet(name));
  return settings.isOn('relay') && !settings.isOn('one-time') && !isChosen;
}

/**
 * Checks everything and builds the typed configuration.
 * @throws SidecarError ERR_CONFIG_* or ERR_REMOTE_URL
 */
export function buildSyncConfig(settings: Settings, env: EnvironmentVariables): SyncConfig {
  const v4 = settings.mode === 'v4';
  const credential = settings.get('credential');
  const more = settings.list('credential').flatMap((text) => parseCredentials(text, credential.sourceName));
  if (v4) validateV4(settings, more);
  else validateV3(settings);
  const root = resolve(settings.text('root'));
  const stateDir = statePath(settings, root);
  const link = linkPath(settings, root, stateDir);
  const sparse = settings.text('sparse-checkout-file');
  return {
    mode: settings.mode,
    remote: parseRemoteUrl(settings.text('repo')),
    target: newestTarget(settings) ?? (v4 ? v4Target(settings) : v3Target(settings)),
    depth: Math.max(0, settings.number('depth')),
    filter: settings.text('filter'),
    submodules: settings.text('submodules') as SubmoduleMode,
    path: parseRepositoryPath('--path', settings.text('path')),
    pathMissing: settings.text('path-missing') as PathMissing,
    sparseCheckout: settings.list('sparse-checkout').filter((pattern) => pattern !== ''),
    sparseCheckoutFile: sparse === '' ? undefined : resolve(sparse),
    lfs: settings.flag('lfs'),
    durable: settings.flag('durable'),
    root,
    stateDir,
    link,
    // To `run` the option means something else.
    into: settings.has('revision-file') ? parseInto(settings, ownPlaces(root, stateDir, link)) : undefined,
    errorFile: absoluteIn(root, settings.text('error-file')),
    touchFile: absoluteIn(root, settings.text('touch-file')),
    umask: settings.flag('group-write') ? 0o002 : v4 ? 0o022 : undefined,
    permissions: permissions(settings),
    staleWorktreeTimeoutMs: settings.number('stale-worktree-timeout'),
    spare: spareMode(settings),
    moveAside: settings.flag('move-aside'),
    ...periods(settings),
    verifyPeriodMs: settings.number('verify-period'),
    oneTime: settings.isOn('one-time'),
    syncOnSignal: parseSignal(settings.text('sync-on-signal')),
    ...(throughRelay(settings) ? { maxFailures: undefined, initMaxFailures: undefined } : failureLimits(settings)),
    exechook: exechook(settings, 'exechook', exechookCommand(settings)),
    prePublishHook: exechook(settings, 'pre-publish-exechook', settings.text('pre-publish-exechook-command')),
    webhook: webhook(settings),
    processSignal: processSignal(settings),
    ...buildGitAccess(settings, env, [parseRemoteUrl(settings.text('repo'))], more),
    verify: verifyConfig(settings),
    relay: parseRelayClient(settings),
    nats: parseNats(settings),
    gitGc: settings.text('git-gc') as GcMode,
    store: undefined,
    group: undefined,
    http: parseHttpBind(settings),
    traces: parseTraces(settings),
    kubernetesEvents: settings.flag('kubernetes-events'),
    addUser: settings.flag('add-user'),
    verbosity: settings.number('verbose'),
    secrets: secretsOf(settings, env),
    secretsOnCommandLine: showsSecrets(settings),
    logFormat: settings.text('log-format') as SyncConfig['logFormat'],
  };
}
