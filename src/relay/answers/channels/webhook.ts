import type { Question } from '../question.ts';
import { fillTemplate, valuesOfEvent } from '../template.ts';
import type { WriteMessage } from './channel-api.ts';
import { eventDocument } from './event-document.ts';

/** Headers hold printable ASCII. */
function headerValue(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}

/** Whatever the entry says. */
export const writeWebhook: WriteMessage = ({ events: [event] }, url, { channel, pageUrl }): Question => {
  if (!event || channel.to !== 'webhook') throw new Error('unreachable');
  const values = valuesOfEvent(event, pageUrl);
  const own = Object.entries(channel.headers).map(([name, value]) => {
    return [name, headerValue(fillTemplate(value, values, 'none'))] as const;
  });
  const { body, method, escape: how } = channel;
  return {
    method,
    url,
    headers: { 'content-type': 'application/json', ...Object.fromEntries(own) },
    body: body === undefined ? JSON.stringify(eventDocument(event, pageUrl)) : fillTemplate(body, values, how),
  };
};
