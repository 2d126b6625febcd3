import { type Credential, credentialFor } from '../model/credential.ts';
import type { SidecarError } from '../model/error.ts';
import { redactUrl } from '../platform/redact.ts';
import { describeIdentity } from '../remote/identity/describe-identity.ts';
import type { Asked, Step } from './asked.ts';
import { none, ok, type Verdict, wrong } from './finding.ts';
import type { RepositoryAccess } from './repository.ts';
import type { OfferedKeys } from './way-over-ssh.ts';

/** What became of a question, and with what it was asked. */
export interface RepositoryFacts {
  readonly asked: Asked;
  readonly access: RepositoryAccess;
  /** How the ref was asked for; undefined: it is a commit, which is not asked for. */
  readonly requested: string | undefined;
  readonly credentials: readonly Credential[];
  readonly keys: OfferedKeys;
  /** The hint of an error in the words of the configuration. */
  readonly hintOf: (error: SidecarError) => string;
}

/** What a person gets to read of each step of the question to a git server. */
export class RepositoryVerdicts {
  readonly #facts: RepositoryFacts;

  constructor(facts: RepositoryFacts) {
    this.#facts = facts;
  }

  /** What there is to say about a step. @param nearest names of refs that are like the one that is missing */
  async on(step: Step, nearest: () => Promise<readonly string[]>): Promise<Verdict> {
    const { error, failedAt } = this.#facts.asked;
    if (error && failedAt === step) return await this.#failure(step, error, nearest);
    switch (step) {
      case 'answer':
        return ok(this.#describeAnswers());
      case 'host key':
        return ok(
          this.#facts.access.ssh.hostKeys.check === 'file'
            ? 'the server shows a key that the file has'
            : 'the server shows the key that was accepted, or one for the first time',
        );
      case 'credentials':
        return this.#accepted();
      case 'repository':
        return ok('it is there');
      case 'protocol':
        return this.#protocol();
      case 'ref':
        return this.#found();
    }
  }

  #describeAnswers(): string {
    const { answers, byGit } = this.#facts.asked;
    const without = answers.find(({ authorized }) => !authorized);
    const final = answers.findLast(({ authorized }) => authorized);
    const text = [
      without && `status ${without.status}${final ? ' without credentials' : ''}`,
      final && `status ${final.status} with them`,
    ].filter((each) => each !== undefined);
    return text.length > 0 ? text.join(', ') : `it answers${byGit === undefined ? '' : ` (git asks, since ${byGit})`}`;
  }

  #offered(): string {
    const { access } = this.#facts;
    if (access.remote.transport === 'ssh')
      return this.#facts.keys.map((describe) => describe()).join(', ') || 'the keys of ssh itself';
    const credential = credentialFor(access.remote.fetchUrl, this.#facts.credentials);
    if (!credential) return 'none';
    const { username } = credential;
    const spec = access.credentials.find((each) => each.username === username);
    if (!spec && access.identity) return describeIdentity(access.identity);
    const from = spec?.passwordFile === undefined ? '' : ` with the password in ${spec.passwordFile}`;
    return username === '-' ? 'the token of the GitHub App' : `${username}${from}`;
  }

  #accepted(): Verdict {
    const { answers } = this.#facts.asked;
    if (this.#facts.access.remote.transport === 'ssh') return ok(`accepted: ${this.#offered()}`);
    const isAsked = answers.some(({ status }) => status === 401);
    if (isAsked) return ok(`accepted: ${this.#offered()}`);
    return this.#facts.credentials.length === 0
      ? none('the server wants none')
      : ok(`the server does not ask for any; it would get: ${this.#offered()}`);
  }

  #protocol(): Verdict {
    const { byGit } = this.#facts.asked;
    if (byGit === undefined) return ok('version 2');
    return ok(`git asks, since ${byGit}: each poll starts a process`);
  }

  #found(): Verdict {
    const { tip } = this.#facts.asked;
    if (!tip) return ok('the server was asked');
    if (this.#facts.requested === undefined) return ok('a commit is fetched by its id; the server answers');
    return ok(`${tip.ref} is at ${tip.oid.slice(0, 12)}`);
  }

  async #failure(step: Step, error: SidecarError, nearest: () => Promise<readonly string[]>): Promise<Verdict> {
    const { hintOf } = this.#facts;
    if (step === 'ref') {
      if (this.#facts.requested === undefined) return ok('a commit is fetched by its id; the server answers');
      const near = await nearest();
      const hint = near.length > 0 ? `did you mean ${near.join(' or ')}? Else: ` : '';
      return wrong(error.detail, `${hint}${hintOf(error)}`);
    }
    if (step === 'credentials') return wrong(this.#refused(error), hintOf(error));
    if (step === 'host key' && this.#facts.access.ssh.hostKeys.check === 'file')
      return wrong(`the server shows a key that ${this.#facts.access.ssh.hostKeys.file} does not have`, hintOf(error));
    return wrong(error.detail, hintOf(error));
  }

  #refused(error: SidecarError): string {
    const offered = this.#offered();
    if (offered !== 'none') return `refused: ${offered} (${error.detail})`;
    if (this.#facts.asked.answers.at(-1)?.status === 403)
      return `refused, and no credentials were offered (${error.detail})`;
    const others = this.#facts.credentials.map(({ url }) => redactUrl(url));
    const given = others.length === 0 ? 'none are set' : `those that are set are for ${others.join(', ')}`;
    return `the server wants credentials, and ${given} (${error.detail})`;
  }
}
