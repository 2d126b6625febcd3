import { describe, expect, test } from 'vitest';
import type { Stage } from '../../../src/config/rollout-policy.ts';
import { readGovernedState } from '../../../src/relay/rollout/read-state.ts';
import { Fleet, MINUTE, oid } from './kit.ts';

const CANARY: Stage = { name: 'canary', select: { instances: ['canary*'] }, soakMs: 5 * MINUTE };

describe('a relay that restarts', () => {
  test('goes on where it was', () => {
    const fleet = Fleet.of(['a', 'canary'], { stages: [CANARY] });
    fleet.push(2);
    fleet.publish('canary', 2);
    fleet.restart();
    fleet.push(2);
    for (const name of ['canary', 'a']) fleet.join(name);
    expect(fleet.ref.target('canary')).toBe(oid(2));
    expect(fleet.status).toBe('soaking');
    fleet.pass(5 * MINUTE);
    expect(fleet.having(2)).toEqual(['a', 'canary']);
  });

  test('opens no stage before its instances had a minute to come back', () => {
    const fleet = Fleet.of(['a', 'b', 'canary'], { stages: [{ ...CANARY, soakMs: 0 }] });
    fleet.push(2);
    fleet.restart();
    fleet.join('b');
    fleet.join('canary', { published: oid(2) });
    fleet.pass(MINUTE - 1);
    expect(fleet.having(2)).toEqual(['canary']);
    fleet.pass(1);
    expect(fleet.having(2)).toEqual(['b', 'canary']);
  });

  test('opens a stage as soon as all have come back', () => {
    const fleet = Fleet.of(['a', 'canary'], { stages: [{ ...CANARY, soakMs: 0 }] });
    fleet.push(2);
    fleet.restart();
    fleet.join('canary', { published: oid(2) });
    expect(fleet.having(2)).toEqual(['canary']);
    fleet.join('a');
    expect(fleet.having(2)).toEqual(['a', 'canary']);
  });

  test('lets a soak last as long as it should, without the time in which no relay looked', () => {
    const fleet = Fleet.of(['a', 'canary'], { stages: [CANARY] });
    fleet.push(2);
    fleet.publish('canary', 2);
    fleet.now += 60 * MINUTE;
    fleet.restart();
    for (const name of ['a', 'canary']) fleet.join(name);
    expect(fleet.status).toBe('soaking');
    fleet.pass(5 * MINUTE);
    expect(fleet.having(2)).toEqual(['a', 'canary']);
  });

  test('does not fail an instance for the time in which the relay was down', () => {
    const fleet = Fleet.of(['a', 'canary'], { stages: [CANARY] });
    fleet.push(2);
    fleet.now += 60 * MINUTE;
    fleet.restart();
    fleet.pass(MINUTE / 2);
    fleet.join('a');
    fleet.join('canary', { published: oid(2) });
    expect(fleet.status).toBe('soaking');
  });

  test('does not roll out what was halted before', () => {
    const fleet = Fleet.of(['a', 'canary'], { stages: [CANARY] });
    fleet.push(2);
    fleet.run('canary', 2, 'failed');
    fleet.restart();
    fleet.push(2);
    for (const name of ['a', 'canary', 'new']) fleet.join(name);
    fleet.pass(120 * MINUTE);
    expect(fleet.having(2)).toEqual(['canary']);
    expect(fleet.status).toBe('halted');
  });

  test('with other stages in its policy begins with the first of them, and who has the revision keeps it', () => {
    const fleet = Fleet.of(['a', 'b', 'canary'], { stages: [CANARY] });
    fleet.push(2);
    fleet.publish('canary', 2);
    const stage: Stage = { name: 'b first', select: { instances: ['b'] } };
    fleet.restart({ stages: [stage] });
    for (const name of ['a', 'b', 'canary']) fleet.join(name);
    expect(fleet.having(2)).toEqual(['b', 'canary']);
    expect(fleet.ref.describe().stage).toBe('b first');
  });

  test('remembers no instance when all have the completed revision', () => {
    const fleet = Fleet.of(['a', 'b'], {});
    expect(fleet.ref.state().members).toEqual([]);
    fleet.push(2);
    expect(fleet.ref.state().members).toHaveLength(2);
    for (const name of ['a', 'b', 'a']) fleet.publish(name, 2);
    expect(fleet.completed).toBe(2);
    expect(fleet.ref.state().members).toEqual([]);
  });
});

describe('a state that was read from a file', () => {
  const written = (): unknown => {
    const fleet = Fleet.of(['a', 'canary'], { stages: [CANARY] });
    fleet.push(2);
    fleet.run('canary', 2, 'failed');
    fleet.order('pause');
    return JSON.parse(JSON.stringify(fleet.ref.state()));
  };

  test('is the one that was written', () => {
    expect(readGovernedState(written())).toEqual(written());
  });

  test.each<[string, unknown]>([
    ['version', 2],
    ['tip', 'main'],
    ['completed', { oid: oid(1) }],
    ['refused', [7]],
    ['rollout', { oid: oid(2) }],
    ['members', [{ key: 'a' }]],
    ['journal', undefined],
  ])('is not taken when its %s is not what this release writes', (key, value) => {
    expect(readGovernedState({ ...(written() as object), [key]: value })).toBeUndefined();
  });

  test.each([undefined, null, 'x', []])('is not taken when it is %j', (value) => {
    expect(readGovernedState(value)).toBeUndefined();
  });
});
