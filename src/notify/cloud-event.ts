import { pathToFileURL } from 'node:url';
import type { Notification } from './notification.ts';
import type { PublishDetails } from './publish-details.ts';

/** A publish as a CloudEvent 1.0. */
export interface CloudEvent {
  readonly specversion: '1.0';
  /** The same for every attempt to deliver one publish. */
  readonly id: string;
  readonly source: string;
  readonly type: typeof EVENT_TYPE;
  /** The full name of the ref. */
  readonly subject: string;
  /** When it was published: RFC 3339. */
  readonly time: string;
  readonly datacontenttype: 'application/json';
  readonly data: PublishDetails;
}

export const EVENT_TYPE = 'git-sidecar.revision.published';
/** CloudEvents HTTP Protocol Binding 1.0, 3.2 "Structured Content Mode". Receivers exist that refuse it with a charset. */
export const EVENT_CONTENT_TYPE = 'application/cloudevents+json';

/** Which published place on which machine: `file://HOST/PATH`. */
export function eventSource(host: string, place: string): string {
  const name = encodeURIComponent(host.toLowerCase());
  return pathToFileURL(place).href.replace(/^file:\/\//, `file://${name}`);
}

/**
 * The library for CloudEvents is not used: writing one is this function, and the library brings a validator of JSON
 * schemas and a generator of random numbers with it, and refuses new releases of Node.
 */
export function cloudEvent(source: string, { oid, ref, at }: Notification, data: PublishDetails): CloudEvent {
  return {
    specversion: '1.0',
    id: `${oid}-${at.toString(36)}`,
    source,
    type: EVENT_TYPE,
    subject: ref,
    time: new Date(at).toISOString(),
    datacontenttype: 'application/json',
    data,
  };
}
