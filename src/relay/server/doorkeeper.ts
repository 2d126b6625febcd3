import type { IncomingMessage, ServerResponse } from 'node:http';
import { SidecarError } from '../../model/error.ts';
import { answerText } from '../../platform/http-answer.ts';
import type { RepositoryName } from '../protocol/repository-name.ts';
import type { Access, Principal } from './access.ts';
import type { Follower } from './follower.ts';
import type { Repositories } from './repositories.ts';

/** Lets requests in: checks who asks, whether they may, and whether there is something to serve. */
export class Doorkeeper {
  readonly #access: Access;
  readonly #repositories: Repositories;

  constructor(access: Access, repositories: Repositories) {
    this.#access = access;
    this.#repositories = repositories;
  }

  /** Who asks; undefined when that was answered with 401. */
  identify(request: IncomingMessage, response: ServerResponse): Principal | undefined {
    const principal = this.#access.identify(request);
    if (principal) return principal;
    // git sends what it has only when asked for it in this way.
    response.setHeader('www-authenticate', 'Basic realm="git-sidecar relay"');
    answerText(response, 401, 'a token or a client certificate of the access file is needed');
    return undefined;
  }

  /**
   * The follower of `name`; undefined when the request was answered already. Who may not see a repository is told the
   * same as who asks for one that does not exist.
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
    const follower = name && principal.mayRead(name) ? await this.#follow(name, response) : undefined;
    if (response.writableEnded) return undefined;
    if (!follower) {
      answerText(response, 404, 'there is no such repository here, or it is not for you');
      return undefined;
    }
    if (patienceMs > 0) await follower.whenKnown(patienceMs);
    if (follower.isKnown || patienceMs === 0) return follower;
    const code = follower.trouble?.code;
    if (code === 'ERR_REMOTE_NOT_FOUND') answerText(response, 404, 'the git server has no such repository');
    else {
      response.setHeader('retry-after', '5');
      answerText(response, 503, `it is not mirrored yet${code === undefined ? '' : `: ${code}`}`);
    }
    return undefined;
  }

  async #follow(name: RepositoryName, response: ServerResponse): Promise<Follower | undefined> {
    try {
      return await this.#repositories.follow(name);
    } catch (error) {
      if (!(error instanceof SidecarError) || error.code !== 'ERR_RELAY_FULL') throw error;
      response.setHeader('retry-after', '60');
      answerText(response, 503, `${error.code}: ${error.detail}`);
      return undefined;
    }
  }
}
