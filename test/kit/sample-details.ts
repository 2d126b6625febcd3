import { type Oid, parseOid } from '../../src/model/oid.ts';
import type { Notification } from '../../src/notify/notification.ts';
import type { PublishDetails } from '../../src/notify/publish-details.ts';

function oidOf(digit: string): Oid {
  const oid = parseOid(digit.repeat(40));
  if (!oid) throw new Error(`${digit} is no hexadecimal digit`);
  return oid;
}

export const SAMPLE_NOTIFICATION: Notification = {
  oid: oidOf('b'),
  ref: 'refs/heads/main',
  worktree: '/git/.worktrees/b',
  directory: '/git/.worktrees/b',
  at: Date.UTC(2026, 1, 3, 4, 5, 6, 7),
};

/** Details with something in every field. */
export function sampleDetails(changes: Partial<PublishDetails> = {}): PublishDetails {
  return {
    repository: 'https://git.example.com/site.git',
    ref: 'refs/heads/main',
    commit: oidOf('b'),
    oldCommit: oidOf('a'),
    directory: '/git/.worktrees/b',
    path: null,
    author: { name: 'A U Thor', email: 'author@example.com' },
    authoredAt: '2026-02-03T04:00:00.000Z',
    committedAt: '2026-02-03T04:01:00.000Z',
    subject: 'Change the colour',
    changes: [
      { path: 'a', change: 'modified' },
      { path: 'caf\ufffd', pathBase64: Buffer.from('caf\xe9', 'latin1').toString('base64'), change: 'added' },
    ],
    changesTruncated: false,
    changesUnknown: null,
    ...changes,
  };
}
