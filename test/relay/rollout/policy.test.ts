import { describe, expect, test } from 'vitest';
import { parseRepositoryName } from '../../../src/relay/protocol/repository-name.ts';
import { compilePolicies, compileSkipRefs, skipsAhead } from '../../../src/relay/rollout/policy.ts';
import { policy } from './kit.ts';

function governed(repository: string, ref: string): string | undefined {
  const name = parseRepositoryName(repository);
  if (!name) throw new Error(`${repository} is no repository`);
  const policies = [
    policy({ name: 'app', repository: 'git.example.com/team/app.git', refs: ['main'] }),
    policy({ name: 'team', refs: ['main', 'release/*', 'refs/notes/x'] }),
  ];
  return compilePolicies(policies)(name, ref)?.name;
}

describe('which policy governs a ref', () => {
  test('is the first whose patterns match', () => {
    expect(governed('git.example.com/team/app.git', 'refs/heads/main')).toBe('app');
    expect(governed('git.example.com/team/app.git', 'refs/heads/release/7')).toBe('team');
    expect(governed('git.example.com/team/lib.git', 'refs/heads/main')).toBe('team');
  });

  test('is none for other refs and repositories', () => {
    expect(governed('git.example.com/team/lib.git', 'refs/heads/feature')).toBeUndefined();
    expect(governed('git.example.com/other/lib.git', 'refs/heads/main')).toBeUndefined();
  });

  test('short names are branches and tags, full names what they say', () => {
    expect(governed('git.example.com/team/lib.git', 'refs/tags/release/7')).toBe('team');
    expect(governed('git.example.com/team/lib.git', 'refs/notes/x')).toBe('team');
  });
});

describe('what may skip the stages', () => {
  test('a trailer with any value, or with the value that the policy names', () => {
    const any = policy({ skipAhead: { trailer: 'Hotfix' } });
    const one = policy({ skipAhead: { trailer: 'Rollout: now' } });
    expect(skipsAhead(any, { trailers: { hotfix: 'yes' } })).toBe(true);
    expect(skipsAhead(one, { trailers: { Rollout: ' Now ' } })).toBe(true);
    expect(skipsAhead(one, { trailers: { Rollout: 'later' } })).toBe(false);
    expect(skipsAhead(one, { skipRef: true })).toBe(false);
    expect(skipsAhead(policy(), { trailers: { Rollout: 'now' }, skipRef: true })).toBe(false);
  });

  test('the refs that the policy names', () => {
    const skips = compileSkipRefs({ refs: ['hotfix/*'] });
    expect(skips('refs/heads/hotfix/1')).toBe(true);
    expect(skips('refs/heads/main')).toBe(false);
    expect(compileSkipRefs(undefined)('refs/heads/hotfix/1')).toBe(false);
  });
});
