import { describe, expect, test } from 'vitest';
import { SidecarError } from '../../../src/model/error.ts';
import { ORDERS, readOrder } from '../../../src/relay/rollout/orders.ts';
import { oid } from './kit.ts';

const SAID = { who: 'ada', why: 'the checkout page is broken' };

describe('an order', () => {
  test.each(ORDERS)('%s is read with the person and the reason', (order) => {
    expect(readOrder({ order, ...SAID })).toEqual({ order, to: undefined, ...SAID });
  });

  test.each(['revert', 'pin'] as const)('%s may name a revision', (order) => {
    expect(readOrder({ order, to: oid(10).toUpperCase(), ...SAID }).to).toBe(oid(10));
  });

  test.each<[unknown, string]>([
    ['pause', 'it must be a JSON object'],
    [null, 'it must be a JSON object'],
    [[], 'it must be a JSON object'],
    [{ order: 'stop', ...SAID }, '`order` must be one of pause, resume'],
    [{ order: 'toString', ...SAID }, '`order` must be one of pause, resume'],
    [{ order: 'pause', why: 'x' }, '`who` is missing'],
    [{ order: 'pause', who: ' ', why: 'x' }, '`who` is missing'],
    [{ order: 'pause', who: 'ada' }, '`why` is missing'],
    [{ order: 'pause', who: 'ada', why: 7 }, '`why` is missing'],
    [{ order: 'pause', who: 'a'.repeat(201), why: 'x' }, '`who` has more than 200 characters'],
    [{ order: 'pause', who: 'ada', why: 'x\u001b[2J' }, '`why` has characters that cannot be shown'],
    [{ order: 'pause', to: oid(1), ...SAID }, '`pause` takes no `to`'],
    [{ order: 'pin', to: 'main', ...SAID }, '`to` must be a full object id'],
    [{ order: 'pin', to: 12, ...SAID }, '`to` must be a full object id'],
    [{ order: 'pause', force: true, ...SAID }, '`order`, `to`, `who` and `why`'],
  ])('%j is refused, and the message says why', (value, detail) => {
    const read = (): unknown => readOrder(value);
    expect(read).toThrow(SidecarError);
    expect(read).toThrow(detail);
  });
});
