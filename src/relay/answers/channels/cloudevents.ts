import { jsonQuestion, type Question } from '../question.ts';
import type { RolloutEvent } from '../rollout-event.ts';
import type { WriteMessage } from './channel-api.ts';
import { eventDocument } from './event-document.ts';

const TYPE = 'git-sidecar.rollout';
/** CloudEvents HTTP Protocol Binding 1.0, 3.2. */
const STRUCTURED_TYPE = 'application/cloudevents+json';

/** The repository, as a reference to a URI: every relay that decides about it has the same. */
function sourceOf({ repository }: RolloutEvent): string {
  return `//${repository
    .split('/')
    .map((part) => encodeURIComponent(part).replaceAll('%3A', ':'))
    .join('/')}`;
}

function attributesOf(event: RolloutEvent): Readonly<Record<string, string>> {
  return {
    specversion: '1.0',
    id: event.id,
    source: sourceOf(event),
    type: `${TYPE}.${event.event}`,
    subject: event.ref,
    time: new Date(event.at).toISOString(),
  };
}

/** 3.1.3.2: space, double quote, percent sign and what is no printable ASCII are percent-encoded, as UTF-8. */
function headerValue(text: string): string {
  return text.replace(/[^\x21\x23\x24\x26-\x7e]+/g, (part) =>
    [...Buffer.from(part)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}

function binaryQuestion(url: string, event: RolloutEvent, data: unknown): Question {
  const headers = Object.entries(attributesOf(event)).map(([name, value]) => [`ce-${name}`, headerValue(value)]);
  return jsonQuestion(url, data, Object.fromEntries(headers) as Record<string, string>);
}

/** An event as a CloudEvent 1.0 over HTTP. */
export const writeCloudEvent: WriteMessage = ({ events: [event] }, url, { channel, pageUrl }) => {
  if (!event) throw new Error('unreachable');
  const data = eventDocument(event, pageUrl);
  if (channel.to === 'cloudevents' && channel.mode === 'binary') return binaryQuestion(url, event, data);
  const whole = { ...attributesOf(event), datacontenttype: 'application/json', data };
  return jsonQuestion(url, whole, { 'content-type': STRUCTURED_TYPE });
};
