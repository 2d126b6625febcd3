import { expect, test } from 'vitest';
import { type Answer, RouteTable } from '../../src/platform/http-route.ts';

const nothing = async (): Promise<void> => undefined;

/** What a table with these paths finds. */
function finder(...paths: string[]): (pathname: string) => string | undefined {
  const known = new Map<Answer, string>();
  const routes = paths.map((path) => {
    const answer: Answer = async () => undefined;
    known.set(answer, path);
    return { path, answer };
  });
  const table = new RouteTable(routes);
  return (pathname) => known.get(table.find(pathname) ?? nothing);
}

test.each([
  ['/', '/'],
  ['/status', '/status'],
  ['/status/dags', '/status/*'],
  ['/status/', '**'],
  ['/status/dags/x', '**'],
  ['/statuses', '**'],
  ['/git/', '/git/**'],
  ['/git/h/a/info/refs', '/git/**'],
  ['/git', '**'],
  ['/constructor', '**'],
  ['//status', '**'],
])('%s is answered by %s', (pathname, path) => {
  expect(finder('/', '/status', '/status/*', '/git/**', '**')(pathname)).toBe(path);
});

test('a path that no route has is answered by none', () => {
  expect(finder('/status', '/git/**')('/other')).toBeUndefined();
});

test('two routes with one path are refused: one of them would never answer', () => {
  expect(() => finder('/status', '/status')).toThrow('one path');
});
