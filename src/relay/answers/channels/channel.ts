import { createHmac } from 'node:crypto';
import type { ChannelName, NotificationConfig } from '../../../config/answer-config.ts';
import type { Authorize, RefusalHints } from '../asking.ts';
import { DeliveryFailure } from '../delivery-failure.ts';
import type { DestinationTools } from '../destination-tools.ts';
import { readSecretFile } from '../secret-file.ts';
import type { OpenChannel, WriteMessage } from './channel-api.ts';
import { writeCloudEvent } from './cloudevents.ts';
import { writeDiscord } from './discord.ts';
import { writeMatrix } from './matrix.ts';
import { writeSlack } from './slack.ts';
import { writeTeams } from './teams.ts';
import { writeWebhook } from './webhook.ts';

const WRITERS: Readonly<Record<ChannelName, WriteMessage>> = {
  cloudevents: writeCloudEvent,
  slack: writeSlack,
  teams: writeTeams,
  discord: writeDiscord,
  matrix: writeMatrix,
  webhook: writeWebhook,
};
const FOR_PROGRAMS: readonly ChannelName[] = ['cloudevents', 'webhook'];

const INCOMING: RefusalHints = {
  401: 'The address is not a good one any more: make a new webhook and put its address into url-file.',
  403: 'The webhook may not write there: look at the app and the channel, or make a new webhook.',
  404: 'There is no such webhook: make a new one and put its address into url-file.',
  other: 'The content is not taken; the detail says what is wrong.',
};
const OWN: RefusalHints = {
  401: 'The receiver does not take the token or the signature: compare token-file and secret-file with what it has.',
  403: 'The receiver does not allow it: compare token-file, secret-file and signature-header with what it wants.',
  404: 'There is no receiver at this address: correct url, or the content of url-file.',
  other: 'The receiver does not take the content: compare headers and body of the entry with what it wants.',
};
const HINTS: Readonly<Record<ChannelName, RefusalHints>> = {
  cloudevents: OWN,
  webhook: OWN,
  slack: INCOMING,
  teams: INCOMING,
  discord: INCOMING,
  matrix: {
    401: 'The homeserver does not know the access token: log in again and put the token into token-file.',
    403: 'The user of the token is not in the room, or may not write there: invite it.',
    404: 'There is no such room at this homeserver: correct room and url.',
    other: 'The homeserver does not take the message; the detail says what is wrong.',
  },
};

async function addressOf({ url, urlFile }: NotificationConfig, { learn }: DestinationTools): Promise<string> {
  if (url !== undefined) return url;
  const text = await readSecretFile(urlFile ?? '', learn);
  if (/^https?:\/\/[^\s/?#]/i.test(text) && URL.canParse(text)) {
    const { pathname, search } = new URL(text);
    // Other texts may show only this part of it.
    if (pathname.length > 16) learn(`${pathname}${search}`);
    return text;
  }
  const hint = 'Put the whole address of the webhook into the file, one line that begins with https://.';
  throw new DeliveryFailure({
    ...{ verdict: 'blocked', op: 'read', target: urlFile ?? '', detail: 'the file does not hold a URL', hint },
  });
}

/** RFC 2104 over the body, as GitHub, Flux and many others have it. */
function signatureOf(secret: string, body: string): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}

function authorizeWith(config: NotificationConfig, { learn }: DestinationTools): Authorize {
  const { tokenFile, tokenHeader, secretFile, signatureHeader } = config;
  return async ({ body = '' }) => {
    const token = tokenFile === undefined ? undefined : await readSecretFile(tokenFile, learn);
    const secret = secretFile === undefined ? undefined : await readSecretFile(secretFile, learn);
    return {
      ...(token !== undefined && { [tokenHeader]: tokenHeader === 'authorization' ? `Bearer ${token}` : token }),
      ...(secret !== undefined && { [signatureHeader]: signatureOf(secret, body) }),
    };
  };
}

/** The receiver of an entry. */
export function channelOf(config: NotificationConfig, tools: DestinationTools): OpenChannel {
  const { to } = config.channel;
  return {
    isForPeople: !FOR_PROGRAMS.includes(to),
    write: async (message) => WRITERS[to](message, await addressOf(config, tools), config),
    authorize: authorizeWith(config, tools),
    hints: HINTS[to],
  };
}
