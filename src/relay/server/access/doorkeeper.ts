import type { IncomingMessage, ServerResponse } from 'node:http';
import { SidecarError } from '../../../model/error.ts';
import { type ErrorCode, factsOf } from '../../../model/error-codes.ts';
import { answerText } from '../../../platform/http-answer.ts';
import { TROUBLE_HEADER } from '../../protocol/events.ts';
import type { RepositoryName } from '../../protocol/repository-name.ts';
import type { Follower } from '../mirror/follower.ts';
import type { Repositories } from '../mirror/repositories.ts';
import type { Access, Principal } from './access.ts';
import type { OnRefused } from './quotas.ts';

/** Accepts requests: checks the principal, its access, and whether there is something to serve. */
export class Doorkeeper {
  readonly #access: Access;
  readonly #repositories: Repositories;
  readonly #onRefused: OnRefused;

  constructor(access: Access, repositories: Repositories, onRefused: OnRefused) {
    this.#access = access;
    this.#repositories = repositories;
    this.#onRefused = onRefused;
  }

  /** The principal that asks; undefined when the request was answered with 401. */
  identify(request: IncomingMessage, response: ServerResponse): Principal | undefined {
    const principal = this.#access.identify(request);
    if (principal) return principal;
    // git sends what it has only when asked for it in this way.
    response.setHeader('www-authenticate', 'Basic realm="git-sidecar relay"');
    answerText(response, 401, 'a token or a client certificate of the access file is needed');
    return undefined;
  }

  /**
   * The follower of `name`; undefined when the request was answered already. A client that may not see a repository
   * gets the same answer as one that asks for a repository that does not exist.
   * @param patienceMs how long to wait for one that is being mirrored for the first time
   */
  async admit(
    name: RepositoryName | undefined,
    request: IncomingMessage,
    response: ServerResponse,
    patienceMs: number,
  ): Promise<Follower | undefined> {
    const principal = this.identify(request, response);
    if (!principal) return undefined;
    const follower = name && principal.mayRead(name) ? await this.#follow(name, principal, response) : undefined;
    if (response.writableEnded) return undefined;
    if (!follower) {
      answerText(response, 404, 'there is no such repository here, or it is not for you');
      return undefined;
    }
    if (patienceMs > 0) await follower.whenKnown(patienceMs);
    if (follower.isKnown || patienceMs === 0) return follower;
    this.#refuse(response, follower.trouble?.code, 5000);
    return undefined;
  }

  async #follow(name: RepositoryName, principal: Principal, response: ServerResponse): Promise<Follower | undefined> {
    try {
      return await this.#repositories.follow(name, principal.id);
    } catch (error) {
      if (!(error instanceof SidecarError)) throw error;
      if (error.class === 'wait') {
        this.#onRefused('repositories');
        response.setHeader('retry-after', '60');
        response.setHeader(TROUBLE_HEADER, error.code);
        answerText(response, 503, `${error.code}: ${error.detail}`);
      } else if (error.retryAfterMs !== undefined) this.#refuse(response, error.code, error.retryAfterMs);
      else throw error;
      return undefined;
    }
  }

  /** There is nothing to serve yet; subscribers read the reason from the header. */
  #refuse(response: ServerResponse, code: ErrorCode | undefined, retryAfterMs: number): void {
    response.setHeader('retry-after', String(Math.max(1, Math.ceil(retryAfterMs / 1000))));
    if (code !== undefined) response.setHeader(TROUBLE_HEADER, code);
    if (code !== undefined && factsOf(code).kind === 'no-repository')
      answerText(response, 404, 'the git server has no such repository');
    else answerText(response, 503, `it is not mirrored yet${code === undefined ? '' : `: ${code}`}`);
  }
}
