import type { AdvertisedRef } from '../../model/ref.ts';
import { atOnce, type Steps } from '../../platform/in-turns.ts';
import { type Refs, refsAsText, refsFromJson, refsToJson } from './refs.ts';

/**
 * What a relay sends on its event stream (Server-Sent Events, WHATWG HTML 9.2).
 *
 * - `refs`: all refs that were subscribed to, as they are. Sent at first unless the subscriber knows them.
 * - `change`: refs that moved; those that are gone have the value null.
 * - `beat`: nothing happened; the relay is there, and so is its git server unless `trouble` says otherwise.
 * - `trouble`: the git server cannot be asked; what was sent before is still valid.
 * - `end`: the last event of a stream that the relay closes, and why. Those that know no such event see the stream end.
 *
 * `ageMs` says how long ago the git server last confirmed the refs; an age, because clocks differ. The id of an event
 * is the digest of the refs behind it.
 */
export type RelayEvent =
  | { readonly kind: 'refs'; readonly id: string; readonly refs: Refs; readonly ageMs: number; readonly relay: string }
  | {
      readonly kind: 'change';
      readonly id: string;
      readonly set: Refs;
      readonly gone: readonly string[];
      readonly ageMs: number;
    }
  | {
      readonly kind: 'beat';
      readonly ageMs: number | undefined;
      readonly relay: string;
      /** The error code, while the git server cannot be asked. */
      readonly trouble: string | undefined;
    }
  | { readonly kind: 'trouble'; readonly code: string; readonly detail: string }
  | { readonly kind: 'end'; readonly code: string; readonly detail: string };

/** In an answer that is no stream: why there is nothing to serve, as an error code. */
export const TROUBLE_HEADER = 'git-sidecar-trouble';

function frame(event: string, data: object, id?: string): Buffer {
  return Buffer.from(`${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}

/**
 * An event `refs` in two parts: the long one stays the same as long as the refs do, for every subscriber and at any
 * time. What follows it is {@link writeRefsEnd}.
 */
export function writeRefsStart(id: string, refs: Refs): Buffer {
  return atOnce(refsStartSteps(id, refs));
}

/** {@link writeRefsStart} of very many refs, step by step. */
export function* refsStartSteps(id: string, refs: Refs): Steps<Buffer> {
  return Buffer.from(`id: ${id}\nevent: refs\ndata: {"refs":{${yield* refsAsText(refs)}},`);
}

export function writeRefsEnd(ageMs: number, relay: string): Buffer {
  return Buffer.from(`${JSON.stringify({ ageMs, relay }).slice(1)}\n\n`);
}

/** The bytes of one event on the stream. */
export function writeEvent(event: RelayEvent): Buffer {
  switch (event.kind) {
    case 'refs':
      return Buffer.concat([writeRefsStart(event.id, event.refs), writeRefsEnd(event.ageMs, event.relay)]);
    case 'change': {
      const gone = Object.fromEntries(event.gone.map((name) => [name, null]));
      return frame('change', { refs: { ...refsToJson(event.set), ...gone }, ageMs: event.ageMs }, event.id);
    }
    case 'beat':
      return frame('beat', { ageMs: event.ageMs, relay: event.relay, trouble: event.trouble });
    case 'trouble':
    case 'end':
      return frame(event.kind, { code: event.code, detail: event.detail });
  }
}

/** @returns undefined for anything that is not an event of ours: a newer relay may send more kinds */
export function readEvent(kind: string | undefined, id: string | undefined, data: string): RelayEvent | undefined {
  let body: Record<string, unknown>;
  try {
    body = JSON.parse(data) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  if (typeof body !== 'object' || body === null) return undefined;
  const ageMs = typeof body.ageMs === 'number' ? body.ageMs : undefined;
  const relay = typeof body.relay === 'string' ? body.relay : '';
  const trouble = typeof body.trouble === 'string' ? body.trouble : undefined;
  if (kind === 'beat') return { kind, ageMs, relay, trouble };
  if (kind === 'trouble' || kind === 'end') return { kind, code: String(body.code), detail: String(body.detail) };
  if (ageMs === undefined || id === undefined) return undefined;
  if (kind === 'refs') {
    const refs = refsFromJson(body.refs);
    return refs && { kind, id, refs, ageMs, relay };
  }
  return kind === 'change' ? readChange(id, body.refs, ageMs) : undefined;
}

function readChange(id: string, value: unknown, ageMs: number): RelayEvent | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const gone = Object.entries(value).filter(([, record]) => record === null);
  const set = refsFromJson(Object.fromEntries(Object.entries(value).filter(([, record]) => record !== null)));
  return set && { kind: 'change', id, set, gone: gone.map(([name]) => name), ageMs };
}

/** `refs` after a change. */
export function applyChange(
  refs: Refs,
  { set, gone }: { readonly set: Refs; readonly gone: readonly string[] },
): Map<string, AdvertisedRef> {
  const after = new Map(refs);
  for (const name of gone) after.delete(name);
  for (const [name, ref] of set) after.set(name, ref);
  return after;
}
