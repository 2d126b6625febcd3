import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerText } from '../../platform/http-answer.ts';
import type { Access, Principal } from '../server/access/access.ts';
import { comesFromPage } from './same-origin.ts';
import { sessionsIn } from './session-cookie.ts';
import type { Sessions } from './sessions.ts';

/** A principal, and how the request showed that it is one. */
export interface Visitor {
  readonly principal: Principal;
  /** By the cookie of a session; else as every client of the relay does it. */
  readonly bySession: boolean;
  /** The same visitor by the access file and the sessions as they are now; undefined when it would not be let in. */
  readonly renewed: () => Principal | undefined;
}

/** Lets in those that the relay lets in, and besides the browsers with a session; for what the page asks for only. */
export class PageDoor {
  readonly #access: Pick<Access, 'identify'>;
  readonly #sessions: Sessions;

  constructor(access: Pick<Access, 'identify'>, sessions: Sessions) {
    this.#access = access;
    this.#sessions = sessions;
  }

  /** undefined: nobody that is let in. */
  visitor(request: IncomingMessage): Visitor | undefined {
    // A token that is shown is meant, not the cookie that the browser adds by itself.
    for (const id of request.headers.authorization === undefined ? sessionsIn(request) : []) {
      const principal = this.#sessions.find(id);
      if (principal) return { principal, bySession: true, renewed: () => this.#sessions.find(id) };
    }
    const principal = this.#access.identify(request);
    return principal && { principal, bySession: false, renewed: principal.renewed };
  }

  /** The owner whose share a request uses; all clients that may read nothing share one. */
  ownerOf(request: IncomingMessage): string {
    return this.visitor(request)?.principal.id ?? 'strangers';
  }

  /** As {@link visitor}; undefined when the request was answered with 401. */
  admit(request: IncomingMessage, response: ServerResponse): Visitor | undefined {
    const visitor = this.visitor(request);
    if (visitor) return visitor;
    // To the page a browser would show a window of its own for a password.
    if (!comesFromPage(request)) response.setHeader('www-authenticate', 'Basic realm="git-sidecar relay"');
    answerText(response, 401, 'a token or a client certificate of the access file is needed');
    return undefined;
  }

  identify(request: IncomingMessage, response: ServerResponse): Principal | undefined {
    return this.admit(request, response)?.principal;
  }
}
