import { isAbsolute, normalize, resolve } from 'node:path';
import { SidecarError } from '../model/error.ts';
import { isInside } from '../platform/paths.ts';
import { buildSyncConfig } from './build-config.ts';
import { applicationEnvironment } from './environment.ts';
import { parseAddress, parseHttpBind } from './http-bind.ts';
import { isV4, type Loaded } from './load.ts';
import { parseRepositoryPath } from './repository-path.ts';
import type { CopyRule, Place, ReadyCheck, Reload, RestartPolicy, RunConfig } from './run-config.ts';
import { secretsOf, showsSecrets } from './secrets.ts';
import type { EnvironmentVariables, Settings } from './settings.ts';
import { parseSignal } from './signals.ts';
import type { SyncConfig } from './sync-config.ts';
import { parseTraces } from './trace-config.ts';
import { checkSettings, InvalidOption, type Rule, refuseIf } from './validation.ts';

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

/** @param isPart the link shows what `--path` names */
function place(settings: Settings, cwd: string, link: string, isPart: boolean): Place {
  const into = settings.text('into');
  const copies = settings.list('copy').filter((text) => text !== '');
  const path = isPart ? '.' : (parseRepositoryPath('--path', settings.text('path')) ?? '.');
  if (into === '') return { kind: 'releases', path };
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

function readyChecks(settings: Settings, listens: boolean): ReadyCheck[] {
  const checks: ReadyCheck[] = [];
  const http = settings.text('ready-http');
  if (http.startsWith('/')) {
    refuseIf(!listens, `--ready-http=${http} is about the port that --listen gives; write :PORT${http} instead`, false);
    checks.push({ kind: 'own-http', path: http });
  } else if (http !== '') {
    const url = http.startsWith(':') ? `http://127.0.0.1${http}` : http;
    refuseIf(!/^https?:\/\//.test(url) || !URL.canParse(url), `--ready-http: ${JSON.stringify(http)} is no URL`, false);
    checks.push({ kind: 'http', url });
  }
  const port = settings.number('ready-tcp');
  if (port > 0) checks.push({ kind: 'tcp', port });
  if (settings.text('ready-exec') !== '') checks.push({ kind: 'exec', command: settings.text('ready-exec') });
  if (checks.length > 0) return checks;
  return [listens ? { kind: 'own-tcp' } : { kind: 'delay', ms: settings.number('ready-delay') }];
}

function signalOf(settings: Settings, name: string): NodeJS.Signals {
  const signal = parseSignal(settings.text(name));
  if (signal === undefined) throw new Error(`--${name} was not checked`);
  return signal;
}

function reload(settings: Settings): Reload | undefined {
  if (settings.isOn('reload-signal')) return { kind: 'signal', signal: signalOf(settings, 'reload-signal') };
  if (settings.isOn('reload-exec')) return { kind: 'exec', command: settings.text('reload-exec') };
  if (!settings.isOn('reload-http')) return undefined;
  const url = settings.text('reload-http');
  refuseIf(!/^https?:\/\//.test(url), `--reload-http: ${JSON.stringify(url)} is no URL`, false);
  return { kind: 'http', url };
}

/** A word of the shell that names a variable. */
const portVariable: Rule = (settings) =>
  refuseIf(!/^[A-Za-z_]\w*$/.test(settings.text('port-env')), '--port-env must be the name of a variable', false);

/** The sync inside run; without one, what run itself uses is checked. */
function buildSync(settings: Settings, env: EnvironmentVariables): SyncConfig | undefined {
  if (!settings.isOn('repo')) {
    refuseIf(!settings.isOn('link'), 'run needs --link, a published link to follow, or --repo and --root', false);
    checkSettings(settings, [], ({ runAlone }) => runAlone === true);
    return undefined;
  }
  const config = buildSyncConfig(settings, env);
  // git-sync ends at the first failure; here that would take the service down with it.
  const isChosen = ['max-failures', 'max-sync-failures'].some((name) => settings.isSet(name));
  return {
    ...config,
    maxFailures: isChosen ? config.maxFailures : undefined,
    initMaxFailures: isChosen || settings.isSet('init-max-failures') ? config.initMaxFailures : undefined,
    // Hooks inherit it as well; git itself gets credentials in another way.
    environment: applicationEnvironment(env),
  };
}

/** `run` speaks v4, whatever git-sync the rest of a Pod is. */
const speaksV4: Rule = (settings) => {
  const compat = settings.get('compat');
  const detail = `--compat=${String(compat.value)}: run speaks v4`;
  if (compat.source === 'flag' && !isV4(compat.value))
    throw new SidecarError('ERR_CONFIG_USAGE', { op: 'read the command line', detail });
};

/** Options about the process of the command. */
const OF_A_PROCESS = ['listen', 'reload-signal', 'stop-signal', 'restart', 'report-output'] as const;

/** Without a command `run` is a mirror, so there has to be a directory, and nothing that a process would do. */
function commandOf(settings: Settings, [file, ...args]: readonly string[]): RunConfig['command'] {
  if (file !== undefined) return [file, ...args];
  if (!settings.isOn('into')) {
    const detail = 'run needs a command: git-sidecar run [options] -- COMMAND [ARGUMENT…]';
    throw new InvalidOption(detail, false, 'Without a command it is a mirror: give the directory with `--into=DIR`.');
  }
  for (const name of OF_A_PROCESS)
    refuseIf(settings.isSet(name), `--${name} is about the process of a command, and no command is given`, false);
  return undefined;
}

/**
 * Checks the options of `run`.
 * @param cwd what relative paths start from
 * @throws SidecarError ERR_CONFIG_USAGE, ERR_CONFIG_INVALID
 */
export function buildRunConfig({ settings, command }: Loaded, env: EnvironmentVariables, cwd: string): RunConfig {
  speaksV4(settings);
  const sync = buildSync(settings, env);
  portVariable(settings);
  const link = sync?.link ?? resolve(cwd, settings.text('link'));
  const listen = settings.isOn('listen') ? parseAddress('--listen', settings.text('listen')) : undefined;
  const http = parseHttpBind(settings);
  const isWatched = listen !== undefined || http !== undefined || settings.isSet('drain-delay');
  const build = settings.text('build');
  return {
    command: commandOf(settings, command),
    link,
    sync,
    place: place(settings, cwd, link, sync?.path !== undefined),
    build: build === '' ? undefined : { command: build, timeoutMs: settings.number('build-timeout') },
    stateDir: settings.isOn('state') ? resolve(cwd, settings.text('state')) : undefined,
    keepReleases: settings.number('keep-releases'),
    rollbackExec: settings.text('rollback-exec') || undefined,
    recheckMs: settings.number('recheck'),
    readyChecks: readyChecks(settings, listen !== undefined),
    readyTimeoutMs: settings.number('ready-timeout'),
    // Nothing can end that does not run.
    readyForMs: command.length === 0 ? 0 : settings.number('ready-for'),
    stopSignal: signalOf(settings, 'stop-signal'),
    stopTimeoutMs: settings.number('stop-timeout'),
    restart: settings.text('restart') as RestartPolicy,
    reportOutput: settings.number('report-output'),
    reload: reload(settings),
    listen,
    portVariable: settings.text('port-env'),
    drainTimeoutMs: settings.number('drain-timeout'),
    drainDelayMs: isWatched ? settings.number('drain-delay') : 0,
    http,
    traces: parseTraces(settings),
    kubernetesEvents: settings.flag('kubernetes-events'),
    verbosity: settings.number('verbose'),
    logFormat: settings.text('log-format') as RunConfig['logFormat'],
    environment: applicationEnvironment(env),
    secrets: secretsOf(settings, env),
    secretsOnCommandLine: showsSecrets(settings),
  };
}
