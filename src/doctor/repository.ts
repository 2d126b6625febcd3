import type { Credential } from '../model/credential.ts';
import { HttpClient } from '../platform/http-client.ts';
import type { Logger } from '../platform/log.ts';
import { AGENT } from '../platform/version.ts';
import { httpSettingsFor, type ServerAccess } from '../poll/native-poll.ts';
import { Poller } from '../poll/poller.ts';
import type { RefChoice } from '../poll/ref-choice.ts';
import type { Tip } from '../poll/ref-source.ts';
import { CredentialSource } from '../remote/credential-source.ts';
import type { GitAccess } from '../remote/git-access.ts';
import { type HttpSettings, UnsupportedHttpSetting } from '../remote/http-settings.ts';
import { UploadPack } from '../remote/upload-pack.ts';
import { checkAddress, hostPortOf } from './address.ts';
import { Asked, STEPS } from './asked.ts';
import { sourcesOf } from './credential-sources.ts';
import type { Check, Examination } from './examination.ts';
import { none, ok, wrong } from './finding.ts';
import type { GitTools } from './git-tools.ts';
import { checkGitHubApp } from './github-app.ts';
import { nearestRefs } from './nearest-refs.ts';
import type { Parts } from './parts.ts';
import { RepositoryVerdicts } from './repository-verdicts.ts';
import { checkWayOverHttp } from './way-over-http.ts';
import { checkWayOverSsh, type OfferedKeys } from './way-over-ssh.ts';

export type RepositoryAccess = ServerAccess & GitAccess;

export interface RepositoryPlan {
  readonly access: RepositoryAccess;
  readonly tools: GitTools;
  /** What is asked for. */
  readonly choice: RefChoice;
  /** How the ref is asked for; undefined: it is a commit, which is not asked for. */
  readonly requested: string | undefined;
  /** What is wrong with the programs that are needed. */
  readonly programs: readonly Check[];
  /** Where `--ssh-accept-new` keeps the keys that it accepted. */
  readonly knownHosts: string;
  /** Begins the names of the checks where several servers are looked at: `relay `. */
  readonly prefix: string;
  /** Gets how many milliseconds the clock of the server is ahead. */
  readonly onClock: (aheadMs: number) => void;
}

/** A question takes two or three round trips, and a server that starts a process. */
const ASK_MS = 8000;

/** What to do about a server that does not answer. */
const SILENT = {
  http: 'see whether the server, or a proxy before it, is overloaded or hangs: its log, `curl -v URL`',
  ssh: 'see whether the server, or what is before it, is overloaded or hangs: its log, `ssh -v HOST`',
  git: 'see whether the server is overloaded or hangs: its log, `git ls-remote URL`',
} as const;

const SILENT_LOG: Logger = {
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  shows: () => false,
};

/** A log that keeps why git had to ask. */
function listeningLog(asked: Asked): Logger {
  const info: Logger['info'] = (_level, _message, fields) => {
    if (fields?.reason !== undefined) asked.byGit = String(fields.reason);
  };
  return { ...SILENT_LOG, info };
}

async function settingsOf({ access, tools }: RepositoryPlan): Promise<HttpSettings | string> {
  try {
    return await httpSettingsFor(access, tools.git, access.remote.fetchUrl);
  } catch (error) {
    if (error instanceof UnsupportedHttpSetting) return error.message;
    throw error;
  }
}

/** Asks one git server, or the git side of a relay, step by step. */
export class RepositoryExamination {
  readonly #examination: Examination;
  readonly #plan: RepositoryPlan;
  readonly #parts: Parts;
  readonly #asked = new Asked();
  #credentials: readonly Credential[] = [];
  #keys: OfferedKeys = [];

  constructor(examination: Examination, plan: RepositoryPlan, parts: Parts) {
    this.#examination = examination;
    this.#plan = plan;
    this.#parts = parts;
  }

  /** Where the ref is, once it was asked for. */
  get tip(): Tip | undefined {
    return this.#asked.tip;
  }

  async begin(): Promise<Check> {
    const { access, programs } = this.#plan;
    const { transport } = access.remote;
    const source = this.#checkSource();
    if (transport === 'http') {
      const settings = await settingsOf(this.#plan);
      const url = new URL(access.remote.fetchUrl);
      const native = typeof settings === 'string' ? undefined : settings;
      const way = checkWayOverHttp(this.#examination, { url, settings, prefix: this.#plan.prefix }, this.#parts);
      return this.#checkSteps('http', native, [...programs, ...way, source]);
    }
    if (transport === 'ssh') {
      const { checks, keys } = await checkWayOverSsh(this.#examination, this.#plan, this.#parts);
      this.#keys = keys;
      return this.#checkSteps('ssh', undefined, [...programs, ...checks, source]);
    }
    const ways = transport === 'git' ? [this.#checkGitPort()] : [];
    return this.#checkSteps('git', undefined, [...programs, ...ways, source]);
  }

  #checkGitPort(): Check {
    const { prefix, access } = this.#plan;
    const names = { dns: `${prefix}dns`, tcp: `${prefix}tcp` };
    return checkAddress(this.#examination, hostPortOf(new URL(access.remote.fetchUrl)), names);
  }

  #checkSource(): Check {
    const { access, tools, prefix } = this.#plan;
    const { clock, redactor, runner } = this.#parts;
    const sources = sourcesOf(access);
    const http = new HttpClient(access.environment);
    const ignore = (): void => undefined;
    const source = new CredentialSource({
      config: access,
      clock,
      // It is asked once, so nothing has to be spread over time.
      random: () => 0,
      log: SILENT_LOG,
      http,
      redactor,
      runner,
      helperEnvironment: tools.hermetic.helperEnvironment,
      onAskpass: ignore,
      onGithubToken: ignore,
      onIdentity: ignore,
    });
    const app = access.githubApp && checkGitHubApp(this.#examination, access.githubApp, http, this.#parts);
    return this.#examination.check({
      name: `${prefix}credential source`,
      target: sources.join(', ') || 'credentials',
      after: [app],
      limitMs: ASK_MS,
      mend: 'see whether what gives the credentials is reachable from here, and how long it takes',
      look: async (signal) => {
        this.#credentials = await source.read(signal);
        await tools.hermetic.setCredentials(this.#credentials);
        const empty = this.#credentials.find(({ password, signer }) => password === '' && !signer);
        if (empty)
          return wrong(
            `the password of ${empty.username} is empty`,
            'put it into the file, variable or service that is named',
          );
        if (sources.length === 0) return none('none are set');
        const isWithout = access.credentialHelpers && this.#credentials.length === 0;
        return isWithout ? ok('it has none for this server') : ok('they can be read');
      },
    });
  }

  /** The question itself, and a line for each step of it. @returns the last check */
  #checkSteps(transport: 'http' | 'ssh' | 'git', settings: HttpSettings | undefined, after: readonly Check[]): Check {
    const { access, prefix } = this.#plan;
    const target = access.remote.shownUrl;
    const steps = STEPS.filter((step) => {
      if (step === 'host key') return transport === 'ssh' && ['file', 'accept-new'].includes(access.ssh.hostKeys.check);
      if (step === 'protocol') return transport === 'http';
      return step !== 'credentials' || transport !== 'git';
    });
    let last: Check | undefined;
    for (const step of steps) {
      const before: readonly Check[] = last ? [last] : after;
      const isFirst = last === undefined;
      last = this.#examination.check({
        name: `${prefix}${step === 'answer' ? (transport === 'git' ? 'server' : transport) : step}`,
        target: step === 'ref' ? (this.#plan.requested ?? target) : target,
        after: before,
        limitMs: ASK_MS,
        mend: SILENT[transport],
        look: async (signal) => {
          if (isFirst) await this.#ask(settings, signal);
          return await this.#verdicts.on(step, async () => await this.#nearest(signal));
        },
      });
    }
    if (!last) throw new Error('there is no step');
    return last;
  }

  async #ask(settings: HttpSettings | undefined, signal: AbortSignal): Promise<void> {
    const { choice } = this.#plan;
    const poller = this.#poller(settings);
    try {
      await this.#asked.take(poller.poll(choice, this.#credentials, signal));
      // The first sync would be stopped in the same way.
      signal.throwIfAborted();
    } finally {
      poller.close();
    }
    if (this.#asked.aheadMs !== undefined) this.#plan.onClock(this.#asked.aheadMs);
  }

  #poller(settings: HttpSettings | undefined): Poller {
    const { access, tools } = this.#plan;
    const { remote } = access;
    const { now } = this.#parts.clock;
    const asked = this.#asked;
    const native =
      settings &&
      new UploadPack({
        url: remote.fetchUrl,
        settings,
        agent: AGENT,
        now,
        onAnswer: (answer, _url, authorized) => asked.see(answer, authorized, now()),
      });
    return new Poller({ remote, git: tools.git, log: listeningLog(asked), native });
  }

  get #verdicts(): RepositoryVerdicts {
    const { access, requested } = this.#plan;
    return new RepositoryVerdicts({
      ...{ access, requested, asked: this.#asked, credentials: this.#credentials, keys: this.#keys },
      hintOf: (error) => this.#examination.hintOf(error),
    });
  }

  async #nearest(signal: AbortSignal): Promise<readonly string[]> {
    const poller = this.#poller(
      await settingsOf(this.#plan).then(
        (found) => (typeof found === 'string' ? undefined : found),
        () => undefined,
      ),
    );
    try {
      const refs = await poller.list(['refs/heads/*', 'refs/tags/*'], this.#credentials, signal);
      return nearestRefs(
        this.#plan.requested ?? '',
        refs.map(({ name }) => name),
      );
    } catch {
      // The ref is missing, whether or not a better name can be told.
      return [];
    } finally {
      poller.close();
    }
  }
}
