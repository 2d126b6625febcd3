import { describe, expect, test } from 'vitest';
import { Leases } from '../../src/platform/leases.ts';

function counted() {
  const state = { made: 0, ended: 0 };
  const make = async () => {
    state.made += 1;
    const end = (): void => {
      state.ended += 1;
    };
    return { value: state.made, end };
  };
  return { state, make };
}

describe('things that parts of a process use together', () => {
  test('are made once for all who want them, and ended by the last', async () => {
    const [leases, { state, make }] = [new Leases(), counted()];
    const [one, other] = await Promise.all([leases.lease('k', make), leases.lease('k', make)]);
    expect([one.value, other.value, state.made]).toEqual([1, 1, 1]);
    one.release();
    one.release();
    await Promise.resolve();
    expect(state.ended).toBe(0);
    other.release();
    await new Promise((done) => setImmediate(done));
    expect(state.ended).toBe(1);
  });

  test('are made anew for who comes after the last', async () => {
    const [leases, { state, make }] = [new Leases(), counted()];
    (await leases.lease('k', make)).release();
    expect((await leases.lease('k', make)).value).toBe(2);
    expect(state.made).toBe(2);
  });

  test('that could not be made are tried again by the next', async () => {
    const leases = new Leases();
    await expect(leases.lease('k', async () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect((await leases.lease('k', counted().make)).value).toBe(1);
  });
});
