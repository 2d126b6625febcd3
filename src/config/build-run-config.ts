import { isAbsolute, normalize, resolve } from 'node:path';
import { isInside } from '../platform/paths.ts';
import { buildSyncConfig } from './build-config.ts';
import { applicationEnvironment } from './environment.ts';
import { parseAddress, parseHttpBind } from './http-bind.ts';
import type { CopyRule, Place, ReadyCheck, Reload, RestartPolicy, RunConfig } from './run-config.ts';
import type { EnvironmentVariables, Settings } from './settings.ts';
import { parseSignal } from './signals.ts';
import type { SyncConfig } from './sync-config.ts';
import { checkWord, refuseIf } from './validation.ts';

export interface RunSettings {
  /** Values of the options that only run has. */
  readonly own: Settings;
  /** Values of sync's options. */
  readonly sync: Settings;
  readonly command: readonly string[];
  readonly cwd: string;
}

/** A path below something: relative, and not out of it again. */
function parseInner(option: string, text: string): string {
  const path = normalize(text).replace(/\/+$/, '');
  refuseIf(
    isAbsolute(text) || path === '..' || path.startsWith('../'),
    `${option}: ${JSON.stringify(text)} must be a relative path that stays inside`,
    false,
  );
  return path === '' ? '.' : path;
}

function parseCopy(text: string): CopyRule {
  const colon = text.indexOf(':');
  const [source, target] = colon < 0 ? [text, text] : [text.slice(0, colon), text.slice(colon + 1)];
  refuseIf(source === '', `--copy ${JSON.stringify(text)} names no source`, false);
  return { source: parseInner('--copy', source), target: parseInner('--copy', target) };
}

function place({ own, cwd }: RunSettings, link: string): Place {
  const into = own.text('into');
  const copies = own.list('copy').filter((text) => text !== '');
  refuseIf(copies.length > 0 && into === '', '--copy needs --into, the directory to copy to', false);
  const path = own.text('path') === '' ? '.' : parseInner('--path', own.text('path'));
  if (into === '') return { kind: 'releases', path };
  refuseIf(path !== '.' && copies.length > 0, '--path and --copy exclude each other: name the path in --copy', false);
  const rules = copies.length > 0 ? copies.map(parseCopy) : [{ source: path, target: '.' }];
  const targets = rules.map(({ target }) => resolve('/', target));
  for (const [index, target] of targets.entries()) {
    const other = targets.find((each, at) => at !== index && isInside(each, target));
    refuseIf(
      other !== undefined,
      `--copy: ${target.slice(1) || '.'} and ${other?.slice(1)} overlap below --into`,
      false,
    );
  }
  const directory = resolve(cwd, into);
  refuseIf(
    isInside(link, directory) && directory !== '/',
    `--into ${directory} holds the link ${link} itself, so it would be overwritten by what it shows`,
    false,
  );
  return { kind: 'into', directory, copies: rules };
}

function readyChecks({ own }: RunSettings, listens: boolean): ReadyCheck[] {
  const checks: ReadyCheck[] = [];
  const http = own.text('ready-http');
  if (http.startsWith('/')) {
    refuseIf(!listens, `--ready-http=${http} is about the port that --listen gives; write :PORT${http} instead`, false);
    checks.push({ kind: 'own-http', path: http });
  } else if (http !== '') {
    const url = http.startsWith(':') ? `http://127.0.0.1${http}` : http;
    refuseIf(!/^https?:\/\//.test(url) || !URL.canParse(url), `--ready-http: ${JSON.stringify(http)} is no URL`, false);
    checks.push({ kind: 'http', url });
  }
  const port = own.number('ready-tcp');
  refuseIf(port < 0 || port > 65535, `--ready-tcp: ${port} is no port`, false);
  if (port > 0) checks.push({ kind: 'tcp', port });
  if (own.text('ready-exec') !== '') checks.push({ kind: 'exec', command: own.text('ready-exec') });
  if (checks.length > 0) return checks;
  return [listens ? { kind: 'own-tcp' } : { kind: 'delay', ms: own.number('ready-delay') }];
}

function signalOf(own: Settings, name: string): NodeJS.Signals {
  const signal = parseSignal(own.text(name));
  if (signal !== undefined) return signal;
  refuseIf(true, `--${name}: ${JSON.stringify(own.text(name))} is not a signal that can be caught`, false);
  throw new Error('unreachable');
}

function reload({ own }: RunSettings, into: boolean): Reload | undefined {
  const given = ['reload-signal', 'reload-http', 'reload-exec'].filter((name) => own.text(name) !== '');
  refuseIf(given.length > 1, `only one of ${given.map((name) => `--${name}`).join(', ')} may be set`, false);
  const [name] = given;
  if (name === undefined) return undefined;
  refuseIf(!into, `--${name} needs --into: a process that stays needs its files in one place`, false);
  refuseIf(own.text('listen') !== '', `--${name} and --listen exclude each other`, false);
  if (name === 'reload-signal') return { kind: 'signal', signal: signalOf(own, name) };
  if (name === 'reload-exec') return { kind: 'exec', command: own.text(name) };
  refuseIf(!/^https?:\/\//.test(own.text(name)), `--reload-http: ${JSON.stringify(own.text(name))} is no URL`, false);
  return { kind: 'http', url: own.text(name) };
}

function syncConfig({ sync }: RunSettings, env: EnvironmentVariables): SyncConfig | undefined {
  if (sync.text('repo') === '') {
    refuseIf(sync.text('link') === '', 'run needs --link, a published link to follow, or --repo and --root', false);
    return undefined;
  }
  const config = buildSyncConfig(sync, env);
  refuseIf(config.oneTime, '--one-time makes no sense with run', false);
  // git-sync ends at the first failure; here that would take the service down with it.
  const isChosen = ['max-failures', 'max-sync-failures'].some((name) => sync.isSet(name));
  return {
    ...config,
    maxFailures: isChosen ? config.maxFailures : undefined,
    initMaxFailures: isChosen || sync.isSet('init-max-failures') ? config.initMaxFailures : undefined,
    // Hooks inherit it as well; git itself gets credentials in another way.
    environment: applicationEnvironment(env),
  };
}

/**
 * Checks the options of `run`.
 * @throws SidecarError ERR_CONFIG_INVALID
 */
export function buildRunConfig(settings: RunSettings, env: EnvironmentVariables): RunConfig {
  const { own, sync, command, cwd } = settings;
  const [file, ...args] = command;
  refuseIf(file === undefined, 'run needs a command: git-sidecar run [options] -- COMMAND [ARGUMENT…]', false);
  const config = syncConfig(settings, env);
  const link = config?.link ?? resolve(cwd, sync.text('link'));
  const where = place(settings, link);
  const listen = own.text('listen') === '' ? undefined : parseAddress('--listen', own.text('listen'));
  const http = parseHttpBind(sync);
  const isWatched = listen !== undefined || http !== undefined || own.isSet('drain-delay');
  const keep = own.number('keep-releases');
  refuseIf(keep < 2, '--keep-releases must be at least 2: the running release and the way back', false);
  checkWord(own, 'restart', ['always', 'on-failure', 'never']);
  for (const name of ['ready-timeout', 'stop-timeout', 'drain-timeout', 'build-timeout', 'recheck'])
    refuseIf(own.number(name) < 10, `--${name} must be at least 10ms`, false);
  for (const name of ['ready-for', 'drain-delay'])
    refuseIf(own.number(name) < 0, `--${name} must not be negative`, false);
  refuseIf(!/^[A-Za-z_]\w*$/.test(own.text('port-env')), '--port-env must be the name of a variable', false);
  const build = own.text('build');
  return {
    command: [file ?? '', ...args],
    link,
    sync: config,
    place: where,
    build: build === '' ? undefined : { command: build, timeoutMs: own.number('build-timeout') },
    stateDir: own.text('state') === '' ? undefined : resolve(cwd, own.text('state')),
    keepReleases: keep,
    rollbackExec: own.text('rollback-exec') || undefined,
    recheckMs: own.number('recheck'),
    readyChecks: readyChecks(settings, listen !== undefined),
    readyTimeoutMs: own.number('ready-timeout'),
    readyForMs: own.number('ready-for'),
    stopSignal: signalOf(own, 'stop-signal'),
    stopTimeoutMs: own.number('stop-timeout'),
    restart: own.text('restart') as RestartPolicy,
    reload: reload(settings, where.kind === 'into'),
    listen,
    portVariable: own.text('port-env'),
    drainTimeoutMs: own.number('drain-timeout'),
    drainDelayMs: isWatched ? own.number('drain-delay') : 0,
    http,
    verbosity: sync.number('verbose'),
    logFormat: sync.text('log-format') as RunConfig['logFormat'],
    environment: applicationEnvironment(env),
  };
}
