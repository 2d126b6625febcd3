import { describe, expect, test } from 'vitest';
import { cloudEvent, EVENT_CONTENT_TYPE, eventSource } from '../../src/notify/cloud-event.ts';
import { faultsOfEvent } from '../kit/cloud-event-schema.ts';
import { SAMPLE_NOTIFICATION, sampleDetails } from '../kit/sample-details.ts';

const event = (changes = {}) =>
  cloudEvent('file://host/git/link', { ...SAMPLE_NOTIFICATION, ...changes }, sampleDetails());

describe('a CloudEvent', () => {
  test('is what version 1.0 of the specification asks for', () => {
    expect(faultsOfEvent(JSON.parse(JSON.stringify(event())))).toEqual([]);
    expect(EVENT_CONTENT_TYPE).toBe('application/cloudevents+json');
  });

  test('has one id for all attempts to deliver a publish, and another for each publish of the same commit', () => {
    expect(event().id).toBe(event().id);
    expect(event({ at: SAMPLE_NOTIFICATION.at + 1 }).id).not.toBe(event().id);
  });

  test.each([
    ['pod-1', '/git/link', 'file://pod-1/git/link'],
    ['Pod-1', '/git/my link#?', 'file://pod-1/git/my%20link%23%3F'],
    ['', '/git/link', 'file:///git/link'],
  ])('host %j and link %j are the source %s', (host, link, source) => {
    expect(eventSource(host, link)).toBe(source);
    expect(new URL(source).href).toBe(source);
  });
});
