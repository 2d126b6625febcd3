import type { IncomingMessage, ServerResponse } from 'node:http';

/** Answers a request, whatever it is about; nothing else is asked then. */
export type Answer = (url: URL, request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** What answers at some paths. */
export interface Route {
  /** `/status`: this path; `/status/*`: those with one part more; `/git/**`: those that begin so; `**`: all others. */
  readonly path: string;
  readonly answer: Answer;
}

interface Below {
  readonly prefix: string;
  /** Also with more than one part behind the prefix, or none. */
  readonly isDeep: boolean;
  readonly answer: Answer;
}

/** Which route a path belongs to. No order of routes matters: a path has at most one in a table. */
export class RouteTable {
  readonly #exact = new Map<string, Answer>();
  readonly #below: Below[] = [];
  #others: Answer | undefined;

  constructor(routes: readonly Route[]) {
    if (new Set(routes.map(({ path }) => path)).size < routes.length) throw new Error('two routes with one path');
    for (const { path, answer } of routes) {
      const [, prefix = '', stars = ''] = /^(.*?)(\*{0,2})$/.exec(path) ?? [];
      if (stars === '') this.#exact.set(path, answer);
      else if (prefix === '') this.#others = answer;
      else this.#below.push({ prefix, isDeep: stars === '**', answer });
    }
  }

  /** @param pathname of a URL, as it was sent */
  find(pathname: string): Answer | undefined {
    return this.#exact.get(pathname) ?? this.#findBelow(pathname) ?? this.#others;
  }

  #findBelow(pathname: string): Answer | undefined {
    for (const { prefix, isDeep, answer } of this.#below)
      if (pathname.startsWith(prefix) && (isDeep || isOnePart(pathname.slice(prefix.length)))) return answer;
    return undefined;
  }
}

function isOnePart(text: string): boolean {
  return text !== '' && !text.includes('/');
}

export const NO_ROUTES = new RouteTable([]);
