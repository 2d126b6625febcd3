import { expect, test } from 'vitest';
import { readTraceparent, traceparent } from '../../../src/platform/trace/span.ts';

const [TRACE, SPAN] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'];

test.each([
  `00-${TRACE}-${SPAN}-01`,
  ` 00-${TRACE}-${SPAN}-00 `,
  `01-${TRACE}-${SPAN}-01`,
  `cc-${TRACE}-${SPAN}-01-what`,
])('%j names a span', (text) => {
  expect(readTraceparent(text)).toEqual({ traceId: TRACE, spanId: SPAN });
});

test.each([
  undefined,
  '',
  `ff-${TRACE}-${SPAN}-01`,
  `00-${'0'.repeat(32)}-${SPAN}-01`,
  `00-${TRACE}-${'0'.repeat(16)}-01`,
  `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  `00-${TRACE}-${SPAN}-01-more`,
  `00-${TRACE}-${SPAN}`,
  `00-${TRACE}${SPAN}-01`,
  `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
])('%j names none', (text) => {
  expect(readTraceparent(text)).toBeUndefined();
});

test('what is written is read', () => {
  const span = { traceId: TRACE, spanId: SPAN };
  expect(readTraceparent(traceparent(span))).toEqual(span);
});
