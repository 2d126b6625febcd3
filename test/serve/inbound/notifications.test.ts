import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isGenuine, senderOf } from '../../../src/serve/inbound/authenticate.ts';
import { hintsFor, repositoryKey } from '../../../src/serve/inbound/match.ts';
import type { Provider } from '../../../src/serve/inbound/payload.ts';
import { readPayload } from '../../../src/serve/inbound/payload.ts';
import { github, gitlab, PROVIDERS, SECRET } from '../../kit/push-payloads.ts';

const followed = { url: 'https://git.internal:8443/Group/app.git', refs: ['main', 'refs/heads/main'] };
const ENTRIES = Object.entries(PROVIDERS);

type Verdict = { kind: 'refused' } | { kind: 'push' | 'other'; provider: Provider };

function authenticate(headers: Readonly<Record<string, string>>, body: Buffer, secret: string): Verdict {
  const sender = senderOf(headers);
  if (!sender || !isGenuine(sender, secret, body)) return { kind: 'refused' };
  return { kind: sender.isPush ? 'push' : 'other', provider: sender.provider };
}

function read({ headers, body }: { headers: Readonly<Record<string, string>>; body: string }) {
  const sender = authenticate(headers, Buffer.from(body), SECRET);
  if (sender.kind === 'refused') return sender;
  const text = headers['content-type']?.includes('form') ? (new URLSearchParams(body).get('payload') ?? '') : body;
  return { ...sender, notice: readPayload(sender.provider, JSON.parse(text)) };
}

describe('push notifications', () => {
  test.each(ENTRIES)('%s: genuine, about our repository and ref', (_name, make) => {
    const sender = read(make('refs/heads/main', 'group/app'));
    expect(sender.kind).toBe('push');
    if (sender.kind !== 'push') return;
    expect(sender.notice.moves.map(({ ref }) => ref)).toEqual(['refs/heads/main']);
    expect(hintsFor(sender.notice, followed)).toEqual(sender.notice.moves);
  });

  test.each(ENTRIES)('%s: another ref or another repository is not ours', (_name, make) => {
    for (const [ref, repository] of [
      ['refs/heads/other', 'group/app'],
      ['refs/heads/main', 'group/other'],
      ['refs/heads/main', 'other/app'],
    ] as const) {
      const sender = read(make(ref, repository));
      if (sender.kind !== 'push') throw new Error(sender.kind);
      expect(hintsFor(sender.notice, followed), `${ref} of ${repository}`).toBeUndefined();
    }
  });

  test.each(ENTRIES)('%s: tampered with, or made with another secret, it is refused', (name, make) => {
    const { headers, body } = make('refs/heads/main', 'group/app');
    expect(authenticate(headers, Buffer.from(body), 'another secret').kind).toBe('refused');
    expect(authenticate({ 'content-type': 'application/json' }, Buffer.from(body), SECRET).kind).toBe('refused');
    // GitLab and Azure send a token, which says nothing about the body.
    if (name !== 'gitlab' && name !== 'azure')
      expect(authenticate(headers, Buffer.from(`${body} `), SECRET).kind).toBe('refused');
  });

  test('other events are genuine and no push', () => {
    expect(read(github('', 'group/app', 'ping')).kind).toBe('other');
    expect(read(gitlab('refs/heads/main', 'group/app', 'Issue Hook')).kind).toBe('other');
    expect(read(gitlab('refs/tags/v1', 'group/app', 'Tag Push Hook')).kind).toBe('push');
  });

  test.each([
    ['https://h/scm/Group/App.git', 'group/app'],
    ['https://user@h:8443/group/app/', 'group/app'],
    ['git@h:group/app.git', 'group/app'],
    ['h:group/app', 'group/app'],
    ['ssh://git@h:22/group/app.git', 'group/app'],
    ['https://h/a/b/c/group/app?x=y', 'group/app'],
    ['/srv/git/app.git', 'git/app'],
    ['group/app', 'group/app'],
  ])('%s is known as %s', (url, key) => {
    expect(repositoryKey(url)).toBe(key);
  });

  test('whoever follows HEAD is told of every branch', () => {
    const moves = [{ ref: 'refs/heads/x' }];
    expect(hintsFor({ provider: 'github', moves, repositories: [] }, { url: 'x', refs: ['HEAD'] })).toEqual(moves);
  });

  test('any JSON is read without an error', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.constantFrom('github', 'gitlab', 'gitea', 'bitbucket', 'bitbucket-server', 'azure', 'generic'),
        (value, provider) => {
          const notice = readPayload(provider, value);
          expect(notice.moves.every(({ ref }) => typeof ref === 'string')).toBe(true);
          hintsFor(notice, followed);
        },
      ),
    );
  });
});
