import { expect, test } from 'vitest';
import { stateCandidates } from '../../src/run/state.ts';

const HOME = { HOME: '/home/me' };
const whole = { kind: 'releases', path: '' } as const;

test('each of two units that deploy the same link in the same way has a state of its own', () => {
  const [web] = stateCandidates(undefined, { link: '/git/app', place: whole, unit: 'web' }, HOME);
  const [worker] = stateCandidates(undefined, { link: '/git/app', place: whole, unit: 'worker' }, HOME);
  expect(web).toMatch(/^\/home\/me\/\.local\/state\/git-sidecar\/run-[0-9a-f]{12}$/);
  expect(worker).not.toBe(web);
  expect(stateCandidates(undefined, { link: '/git/app', place: whole, unit: 'web' }, HOME)[0]).toBe(web);
});

test('a chosen state is used as it is, whatever the unit', () => {
  expect(stateCandidates('/st', { link: '/git/app', place: whole, unit: 'web' }, HOME)).toEqual(['/st']);
});
