import {
  CHANNELS,
  type Channel,
  ESCAPES,
  EVENT_NAMES,
  type EventName,
  type NotificationConfig,
} from '../answer-config.ts';
import { suggest } from '../suggest.ts';
import { Fields } from './fields.ts';
import type { Problems } from './problems.ts';
import { readFilePath, readPageUrl, readPlainUrl } from './read-addresses.ts';
import { AUDIENCE_KEYS, readAudience } from './read-audience.ts';
import { readName } from './read-stages.ts';
import { checkTemplate } from './read-templates.ts';
import type { TreeNode } from './tree.ts';

/** Those that have a meaning for one kind of receiver only. */
const KEYS_OF: Readonly<Record<Channel['to'], readonly string[]>> = {
  slack: [],
  teams: [],
  discord: [],
  matrix: ['url', 'token-file', 'room'],
  cloudevents: ['url', 'token-file', 'token-header', 'secret-file', 'signature-header', 'mode'],
  webhook: [
    ...['url', 'token-file', 'token-header', 'secret-file', 'signature-header', 'method', 'headers', 'body', 'escape'],
  ],
};
const SPECIAL = [...new Set(Object.values(KEYS_OF).flat())];
const KEYS = ['name', 'to', ...AUDIENCE_KEYS, 'events', 'url-file', 'page-url', ...SPECIAL];
/** Those that a person wants to know of: not each stage and each instance. */
const DEFAULT_EVENTS: readonly EventName[] = [
  ...(['started', 'completed', 'halted', 'aborted', 'replaced', 'reverted', 'pinned', 'unpinned'] as const),
  ...(['paused', 'resumed', 'promoted'] as const),
];
const HEADER = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/;
/** They belong to the connection, or are made of the body. */
const NOT_OURS = /^(?:host|connection|content-length|transfer-encoding|upgrade|te|trailer|expect)$/i;
const LONGEST_BODY = 64 * 1024;

function readEvents(fields: Fields, problems: Problems): readonly EventName[] {
  const texts = fields.texts('events');
  if (!texts) return DEFAULT_EVENTS;
  if (texts.length === 1 && texts[0]?.text === 'all') return EVENT_NAMES;
  return texts.flatMap(({ at, text }) => {
    const known = EVENT_NAMES.find((each) => each === text);
    if (known) return [known];
    const nearest = suggest(text, EVENT_NAMES);
    const hint = nearest === undefined ? `there are ${EVENT_NAMES.join(', ')}` : `did you mean ${nearest}?`;
    problems.add(at, `events names something that does not happen to a rollout; ${hint}`);
    return [];
  });
}

function readHeaderName(fields: Fields, key: string, otherwise: string): string {
  const name = fields.text(key) ?? otherwise;
  if (!HEADER.test(name) || NOT_OURS.test(name)) fields.complain(key, 'must be the name of a header');
  return name.toLowerCase();
}

function readHeaders(fields: Fields, problems: Problems): Readonly<Record<string, string>> {
  const node = fields.node('headers');
  if (!node) return {};
  if (node.kind !== 'map') fields.complain('headers', 'must be a mapping: lines of `name: value`');
  const pairs = (node.kind === 'map' ? node.entries : []).flatMap(({ key, keyAt, value }) => {
    if (!HEADER.test(key) || NOT_OURS.test(key)) problems.add(keyAt, 'a header of this name cannot be sent');
    else if (/^authorization$/i.test(key)) problems.add(keyAt, 'Authorization is a secret: use token-file');
    else if (value.kind !== 'text' || !/^[\x20-\x7e]*$/.test(value.text))
      problems.add(keyAt, 'the value of a header must be a text of printable ASCII');
    else {
      checkTemplate(value.text, value.at, problems);
      return [[key.toLowerCase(), value.text] as const];
    }
    return [];
  });
  return Object.fromEntries(pairs);
}

function readBody(fields: Fields, problems: Problems): string | undefined {
  const body = fields.text('body');
  if (body === undefined) return undefined;
  checkTemplate(body, fields.placeOf('body'), problems);
  if (body.length > LONGEST_BODY) fields.complain('body', 'is longer than 64 KiB');
  return body;
}

function readChannel(fields: Fields, to: Channel['to'], problems: Problems): Channel | undefined {
  switch (to) {
    case 'matrix': {
      const room = fields.required('room');
      if (room !== undefined && !/^![^\s/]{1,254}$/.test(room))
        fields.complain('room', 'must be the id of a room, such as !abc:example.org; an alias begins with #');
      return room === undefined ? undefined : { to, room };
    }
    case 'cloudevents':
      return { to, mode: fields.oneOf('mode', ['structured', 'binary']) ?? 'structured' };
    case 'webhook':
      return {
        to,
        method: fields.oneOf('method', ['POST', 'PUT', 'PATCH']) ?? 'POST',
        headers: readHeaders(fields, problems),
        body: readBody(fields, problems),
        escape: fields.oneOf('escape', ESCAPES) ?? 'json',
      };
    default:
      return { to };
  }
}

/** Whoever knows the address of an incoming webhook may write to it, so it stands in a file. */
function readAddress(fields: Fields, to: Channel['to'], path: string): Pick<NotificationConfig, 'url' | 'urlFile'> {
  const mayBePlain = KEYS_OF[to].includes('url');
  const url = mayBePlain ? readPlainUrl(fields, 'url') : undefined;
  const urlFile = readFilePath(fields, 'url-file', path);
  if (!mayBePlain && fields.node('url')) fields.complain('url', `of ${to} is a secret: put it into url-file`);
  else if (!fields.node('url') && !fields.node('url-file'))
    fields.complain('url-file', mayBePlain ? 'or url is missing' : 'is missing');
  if (url !== undefined && urlFile !== undefined) fields.complain('url-file', 'and url cannot be in one entry');
  return { url, urlFile };
}

/** An entry of `notifications`. @param path of the file @param policies those that there are */
export function readNotification(
  item: TreeNode,
  path: string,
  policies: ReadonlySet<string>,
  problems: Problems,
): NotificationConfig | undefined {
  const fields = new Fields(item, 'a notification', KEYS, problems);
  const name = readName(fields);
  const to = fields.oneOf('to', CHANNELS) ?? (fields.node('to') ? undefined : fields.complain('to', 'is missing'));
  const audience = readAudience(fields, policies, problems);
  const events = readEvents(fields, problems);
  const pageUrl = readPageUrl(fields, problems);
  if (!to) return undefined;
  for (const key of SPECIAL)
    if (key !== 'url' && fields.node(key) && !KEYS_OF[to].includes(key))
      fields.complain(key, `has no meaning for ${to}`);
  const channel = readChannel(fields, to, problems);
  if (to === 'matrix' && !fields.node('token-file')) fields.complain('token-file', 'is missing');
  const own = {
    ...readAddress(fields, to, path),
    tokenFile: readFilePath(fields, 'token-file', path),
    tokenHeader: readHeaderName(fields, 'token-header', 'authorization'),
    secretFile: readFilePath(fields, 'secret-file', path),
    signatureHeader: readHeaderName(fields, 'signature-header', 'x-signature'),
  };
  return name === undefined || !channel ? undefined : { name, channel, ...audience, events, ...own, pageUrl };
}
