import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Answer } from '../platform/http-route.ts';
import { visibleText } from '../platform/visible-text.ts';

/** A service as the page shows it: a name, and facts of any shape. */
export interface OverviewEntry {
  readonly name: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

const STYLE = `:root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}
body{max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.3rem}h2{font-size:1.05rem;margin-top:2rem}
dl{display:grid;grid-template-columns:minmax(7rem,max-content) 1fr;gap:.15rem 1rem;margin:0}
dt{opacity:.7}dd{margin:0;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
dd dl{padding:.1rem 0 .3rem}
@media(max-width:30rem){dl{grid-template-columns:1fr}dd{padding-left:1rem}}`;

/** Nothing but this style is used: no script, no image, nothing of elsewhere (https://www.w3.org/TR/CSP3/). */
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const MOST_DEPTH = 4;
const MOST_ITEMS = 200;

function escapeHtml(text: string): string {
  return visibleText(text).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

/** `lastDeployment` as a person reads it: `last deployment`. */
function labelOf(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).replaceAll('_', ' ');
}

function renderValue(value: unknown, depth: number): string {
  if (value === null || value === undefined || value === '') return '–';
  if (value === true) return 'yes';
  if (value === false) return 'no';
  if (typeof value !== 'object') return escapeHtml(String(value));
  if (depth >= MOST_DEPTH) return '…';
  const entries: readonly (readonly [string, unknown])[] = Object.entries(value);
  if (entries.length === 0) return '–';
  const shown = entries.slice(0, MOST_ITEMS);
  const more = entries.length > MOST_ITEMS ? `<dt>…</dt><dd>${entries.length - MOST_ITEMS} more</dd>` : '';
  const rows = shown.map(
    ([key, each]) => `<dt>${escapeHtml(labelOf(key))}</dt><dd>${renderValue(each, depth + 1)}</dd>`,
  );
  return `<dl>${rows.join('')}${more}</dl>`;
}

function renderPage(version: string, entries: readonly OverviewEntry[]): string {
  const parts = entries.map(
    ({ name, facts }) =>
      `<section aria-label="${escapeHtml(name)}"><h2>${escapeHtml(name)}</h2>${renderValue(facts, 0)}</section>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>git-sidecar</title><style>${STYLE}</style></head>
<body><main><h1>git-sidecar ${escapeHtml(version)}</h1>${parts.join('\n')}
<p><a href="/">Look again</a></p></main></body></html>
`;
}

/** A person looks, with a browser. Any other client gets what it got before, which for a sync is git-sync's answer. */
export function wantsOverview(pathname: string, { method, headers }: IncomingMessage): boolean {
  return pathname === '/' && method === 'GET' && /\btext\/html\b/.test(headers.accept ?? '');
}

/** What each service of this process does, made anew at each request. */
export function answerOverview(version: string, entries: () => readonly OverviewEntry[]): Answer {
  return async (_url, _request, response) => {
    response.writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': POLICY,
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
    response.end(renderPage(version, entries()));
  };
}
