import { messageOf } from '../../model/error.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Environment, ProcessRunner } from '../../platform/process/runner.ts';
import { visibleText } from '../../platform/visible-text.ts';
import { type CredentialAttributes, readCredential, writeCredential } from '../wire/credential-lines.ts';
import type { Identity, IdentityTools, Obtained } from './identity.ts';
import { PartyFailure } from './party.ts';
import { helperLine, helperName } from './program-line.ts';

export interface CredentialProgramsOptions extends Pick<IdentityTools, 'learn'> {
  /** Of `--credential-helper`, in the order in which they are asked. */
  readonly helpers: readonly string[];
  readonly git: string;
  readonly runner: ProcessRunner;
  readonly environment: () => Environment;
  readonly clock: Clock;
  /** Of the repository. */
  readonly url: string;
  /** Empty: the helper chooses. */
  readonly username: string;
  /** `credential.useHttpPath`: helpers get the path, and not only the host. */
  readonly withPath: boolean;
  /** How long one of them may take, in milliseconds; default 10 s. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 10_000;
const MOST_OUTPUT_BYTES = 64 * 1024;
const CAPABILITIES = ['authtype'];
const MOST_CHARACTERS = 200;

type Operation = 'get' | 'store' | 'erase';

/** What says whom the credential is for. */
function describeUrl({ url, username, withPath }: CredentialProgramsOptions): Map<string, string> {
  const { protocol, host, pathname } = new URL(url);
  const path = pathname.replace(/^\/+|\/+$/g, '');
  return new Map([
    ['protocol', protocol.replace(':', '')],
    ['host', host],
    ...(withPath && path !== '' ? [['path', decodeURIComponent(path)] as const] : []),
    ...(username !== '' ? [['username', username] as const] : []),
  ]);
}

function isComplete(found: CredentialAttributes): boolean {
  return (found.has('username') && found.has('password')) || (found.has('authtype') && found.has('credential'));
}

/** `password_expiry_utc` is seconds since the epoch. */
function endOf(found: CredentialAttributes): number | undefined {
  const seconds = Number(found.get('password_expiry_utc') ?? Number.NaN);
  return Number.isFinite(seconds) ? seconds * 1000 : undefined;
}

function lastLine(text: string): string {
  const line = text.trim().split('\n').at(-1) ?? '';
  return line === '' ? '' : `: ${visibleText(line.slice(0, MOST_CHARACTERS))}`;
}

function isSame(attributes: CredentialAttributes, { password }: Obtained): boolean {
  return attributes.get('credential') === password || attributes.get('password') === password;
}

/**
 * git's credential helpers, spoken to as git does it (gitcredentials, git-credential): `get` until user and password are
 * known, `store` when the git server accepted them, `erase` when it refused them. They ask nobody, and their time and
 * output are bounded. An empty password means that none of them has one for this server.
 */
class CredentialPrograms implements Identity {
  readonly name = 'credential-helper';
  readonly #options: CredentialProgramsOptions;
  /** All that came with a credential, for `store` and `erase`. */
  readonly #attributes = new WeakMap<Obtained, CredentialAttributes>();

  constructor(options: CredentialProgramsOptions) {
    this.#options = options;
  }

  async obtain(signal: AbortSignal): Promise<Obtained> {
    const { helpers, clock, learn } = this.#options;
    let found = describeUrl(this.#options);
    let failure: PartyFailure | undefined;
    for (const helper of helpers) {
      const answer = await this.#run(helper, 'get', found, signal).catch((error: unknown) => {
        if (!(error instanceof PartyFailure) || signal.aborted) throw error;
        failure = error;
        return new Map<string, string>();
      });
      for (const name of ['password', 'credential', 'oauth_refresh_token']) learn(answer.get(name) ?? '');
      found = new Map([...found, ...answer]);
      if ((endOf(found) ?? Number.POSITIVE_INFINITY) <= clock.now())
        for (const name of ['password', 'credential', 'password_expiry_utc']) found.delete(name);
      if (isComplete(found)) return this.#keep(found);
      if (/^(?:1|true|yes|on)$/i.test(found.get('quit') ?? ''))
        throw this.#failure(helper, 'it says that nobody else is to be asked');
    }
    if (failure) throw failure;
    return { username: '', password: '' };
  }

  async accepted(obtained: Obtained, signal: AbortSignal): Promise<void> {
    const attributes = this.#attributes.get(obtained);
    if (attributes?.get('ephemeral') !== '1') await this.#tell('store', attributes, signal);
  }

  async refused(obtained: Obtained, signal: AbortSignal): Promise<void> {
    const attributes = this.#attributes.get(obtained);
    for (const helper of attributes ? this.#options.helpers : []) {
      // Before version 2.41 `git credential-store` erases whatever it has by now, also what was replaced in its file.
      const present = await this.#run(helper, 'get', describeUrl(this.#options), signal);
      if (isSame(present, obtained)) await this.#run(helper, 'erase', attributes ?? present, signal);
    }
  }

  #keep(found: CredentialAttributes): Obtained {
    const expiresAt = endOf(found);
    const [scheme, credential] = [found.get('authtype'), found.get('credential')];
    const obtained: Obtained = {
      username: found.get('username') ?? '',
      password: credential ?? found.get('password') ?? '',
      ...(scheme !== undefined && credential !== undefined && { scheme }),
      ...(expiresAt !== undefined && { expiresAt }),
    };
    this.#attributes.set(obtained, found);
    return obtained;
  }

  async #tell(operation: Operation, attributes: CredentialAttributes | undefined, signal: AbortSignal): Promise<void> {
    if (!attributes) return;
    for (const helper of this.#options.helpers) await this.#run(helper, operation, attributes, signal);
  }

  async #run(
    helper: string,
    operation: Operation,
    attributes: CredentialAttributes,
    signal: AbortSignal,
  ): Promise<CredentialAttributes> {
    const { git, runner, environment, timeoutMs = TIMEOUT_MS } = this.#options;
    const running = runner.run({
      file: '/bin/sh',
      args: ['-c', `${helperLine(helper, git)} ${operation}`],
      env: environment(),
      cwd: '/',
      stdin: writeCredential(attributes, CAPABILITIES),
      signal,
      timeoutMs,
      maxOutputBytes: MOST_OUTPUT_BYTES,
      // `git credential-cache` leaves a process behind that keeps the passwords.
      endGroup: false,
    });
    const result = await running.catch((error: unknown) => {
      throw this.#failure(helper, messageOf(error), error);
    });
    const { code, endedBy, stderr, stdout, truncated } = result;
    signal.throwIfAborted();
    if (endedBy === 'timeout') throw this.#failure(helper, `it did not end within ${timeoutMs / 1000} s`);
    if (truncated) throw this.#failure(helper, `it wrote more than ${MOST_OUTPUT_BYTES} bytes`);
    if (code !== 0)
      throw this.#failure(
        helper,
        `\`${operation}\` ended with ${code === null ? 'a signal' : `status ${code}`}${lastLine(stderr)}`,
      );
    return readCredential(stdout.toString());
  }

  #failure(helper: string, detail: string, cause?: unknown): PartyFailure {
    const { url, git } = this.#options;
    const { protocol, host } = new URL(url);
    return new PartyFailure({
      party: `the credential helper ${helperName(helper)}`,
      target: `${protocol}//${host}`,
      detail,
      cause,
      hint: `Try it by hand: \`printf 'protocol=${protocol.replace(':', '')}\\nhost=${host}\\n\\n' | ${git} -c credential.helper=… credential fill\`; it must not ask anybody.`,
    });
  }
}

/** The helpers of `--credential-helper` for one URL. */
export function credentialPrograms(options: CredentialProgramsOptions): Identity {
  return new CredentialPrograms(options);
}
