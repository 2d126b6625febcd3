import { createHash } from 'node:crypto';
import { boundedText } from '../bounded-text.ts';
import { jsonQuestion } from '../question.ts';
import type { WriteMessage } from './channel-api.ts';
import { messageLines, pageOf } from './message-lines.ts';

/** An event may have 64 KiB. */
const MOST_CHARACTERS = 4000;

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Client-server API, `PUT /rooms/{roomId}/send/{eventType}/{txnId}`: the same transaction is one message. */
export const writeMatrix: WriteMessage = (message, url, { channel, pageUrl }) => {
  const room = channel.to === 'matrix' ? channel.room : '';
  const page = pageOf(message, pageUrl);
  const lines = boundedText(messageLines(message).join('\n'), MOST_CHARACTERS).split('\n');
  const link = page === undefined ? '' : `<br><a href="${escaped(page)}">Show the rollout</a>`;
  const body = {
    // A notice is what programs write; other programs do not answer it.
    msgtype: 'm.notice',
    body: [...lines, ...(page === undefined ? [] : [page])].join('\n'),
    format: 'org.matrix.custom.html',
    formatted_body: `${lines.map(escaped).join('<br>')}${link}`,
  };
  const ids = message.events.map(({ id }) => id).join(' ');
  const transaction = createHash('sha256').update(ids).digest('hex').slice(0, 32);
  const path = `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/send/m.room.message/${transaction}`;
  return { ...jsonQuestion(`${url.replace(/\/+$/, '')}${path}`, body), method: 'PUT' };
};
