import type { Span } from './span.ts';

/** Facts about this process; see the resource conventions of OpenTelemetry. */
export type Resource = Readonly<Record<string, string>>;

const INTERNAL = 1;
const [OK, ERROR] = [1, 2];

function anyValue(value: string | number | boolean): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}

function attributesOf(values: Span['attributes']): object[] {
  return Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: anyValue(value) }],
  );
}

/** 64 bits do not fit into a number. */
const nanoseconds = (ms: number): string => `${BigInt(Math.round(ms * 1000)) * 1000n}`;

/**
 * The body of an export request in OTLP's JSON form
 * (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).
 */
export function otlpRequest(spans: readonly Span[], resource: Resource, version: string): object {
  return {
    resourceSpans: [
      {
        resource: { attributes: attributesOf(resource) },
        scopeSpans: [
          {
            scope: { name: 'git-sidecar', version },
            spans: spans.map(({ traceId, spanId, parentId, links = [], name, from, to, attributes, error }) => ({
              traceId,
              spanId,
              ...(parentId !== undefined && { parentSpanId: parentId }),
              name,
              kind: INTERNAL,
              startTimeUnixNano: nanoseconds(from),
              endTimeUnixNano: nanoseconds(Math.max(from, to)),
              attributes: attributesOf(attributes),
              ...(links.length > 0 && { links: links.map((link) => ({ traceId: link.traceId, spanId: link.spanId })) }),
              status: error === undefined ? { code: OK } : { code: ERROR, message: error },
            })),
          },
        ],
      },
    ],
  };
}
