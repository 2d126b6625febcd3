import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerJson, answerText, readRequest } from '../../platform/http-answer.ts';
import type { Answer, Route } from '../../platform/http-route.ts';
import type { Access } from '../server/access/access.ts';
import type { PageDoor } from './page-door.ts';
import { isFromOwnPage } from './same-origin.ts';
import { clearCookies, sessionsIn, setCookie } from './session-cookie.ts';
import type { Sessions } from './sessions.ts';

export interface SessionRouteOptions {
  readonly access: Pick<Access, 'isOpen' | 'holderOf'>;
  readonly door: PageDoor;
  readonly sessions: Sessions;
  /** A session was ended; streams that were opened with it have to end too. */
  readonly onEnd: () => void;
}

/** What `GET /session` answers. */
export interface SessionDocument {
  /** Everybody may read; there is nothing to log in to. */
  readonly open: boolean;
  /** The client may read something: it has a session, or a certificate. */
  readonly known: boolean;
  /** It has a session, which can be ended. */
  readonly session: boolean;
}

const LARGEST_FORM = 4096;

/**
 * `GET /session`: whether the client is known. `POST /session` with a form that has a `token` of the access file opens a
 * session, `DELETE /session` ends it; both are for the page only.
 */
export function sessionRoute(options: SessionRouteOptions): Route {
  const { access, door } = options;
  const answer: Answer = async (_url, request, response) => {
    response.setHeader('cache-control', 'no-store');
    if (request.method === 'GET') {
      const visitor = door.visitor(request);
      const document: SessionDocument = {
        open: access.isOpen,
        known: visitor !== undefined,
        session: visitor?.bySession === true,
      };
      answerJson(response, 200, document);
    } else if (request.method !== 'POST' && request.method !== 'DELETE')
      answerText(response, 405, 'use GET, POST to log in or DELETE to log out');
    else if (!isFromOwnPage(request)) answerText(response, 403, 'only the page of this relay may do that');
    else if (request.method === 'POST') await logIn(options, request, response);
    else logOut(options, request, response);
  };
  return { path: '/session', answer };
}

async function logIn(
  { access, sessions }: SessionRouteOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readRequest(request, LARGEST_FORM);
  const token = new URLSearchParams(body?.toString() ?? '').get('token')?.trim() ?? '';
  const principal = token === '' ? undefined : access.holderOf(token);
  if (!principal) {
    answerText(response, 401, 'the access file has no line with this token');
    return;
  }
  for (const before of sessionsIn(request)) sessions.end(before);
  response.writeHead(204, { 'set-cookie': setCookie(request, sessions.open(principal)) }).end();
}

function logOut({ sessions, onEnd }: SessionRouteOptions, request: IncomingMessage, response: ServerResponse): void {
  for (const session of sessionsIn(request)) sessions.end(session);
  onEnd();
  response.writeHead(204, { 'set-cookie': clearCookies() }).end();
}
