import { describe, expect, test } from 'vitest';
import { buildRunConfig } from '../../src/config/build-run-config.ts';
import { applicationEnvironment } from '../../src/config/environment.ts';
import { load } from '../../src/config/load.ts';
import type { OptionDefinition } from '../../src/config/option.ts';
import { OPTIONS } from '../../src/config/options.ts';
import { holdsSecret } from '../../src/config/secrecy.ts';

const ALL: readonly OptionDefinition[] = OPTIONS;

/** Texts with the word `hidden` where a secret can be. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  secret: [
    'hidden',
    '[{"url":"https://h","username":"u","password":"hidden"}]',
    '-----BEGIN-----\nhidden\n-----END-----',
  ],
  text: [
    'hidden',
    'https://user:hidden@h/x',
    'https://h/hooks/hidden',
    'http.extraheader:"Authorization: Bearer hidden"',
    'http.https://h.extraHeader:PRIVATE-TOKEN: hidden,http.proxy:http://u:hidden@p',
  ],
  url: [
    'https://hidden@h/r.git',
    'https://user:hidden@h/r.git',
    'https://user:hid@hidden@h/r.git',
    'https://user:hidden:hidden@h/r.git',
    'HTTPS://user:hidden@h/r.git',
    'https://h/r.git?private_token=hidden',
    'ssh://git:hidden@h/r.git',
    'nats://user:hidden@a:4222,tls://hidden@b:4222',
  ],
};

const spellings = ({ env, v3Env }: OptionDefinition): string[] => [...new Set([...env, ...(v3Env ? [v3Env] : [])])];
/** A URL with a password can stand in any option that takes text. */
const kindOf = ({ secret, type }: OptionDefinition): string | undefined => {
  if (secret) return secret === true ? 'secret' : 'text';
  return ['string', 'list', 'repeat'].includes(type) ? 'url' : undefined;
};

const CASES = ALL.flatMap((option) =>
  spellings(option).flatMap((name) => (VALUES[kindOf(option) ?? ''] ?? []).map((value) => [name, value] as const)),
);

describe('what an application, its build and its hooks inherit', () => {
  test('every option that can hold a secret is known as one', () => {
    const names = ALL.filter(({ secret }) => secret !== undefined).map(({ name }) => name);
    const suspicious = /password$|credential$|private-key$|(?:askpass|webhook)-url$|git-config/;
    // These name a file, or a server of GitHub.
    const harmless = ALL.filter(({ name }) => suspicious.test(name) && !name.endsWith('-file')).map(({ name }) => name);
    expect(harmless.filter((name) => !names.includes(name))).toEqual([]);
  });

  test.each(CASES)('%s=%s: no secret', (name, value) => {
    expect(JSON.stringify(applicationEnvironment({ [name]: value, OWN: 'kept' }))).not.toContain('hidden');
  });

  test.each(['GITSYNC_PASSWROD', 'GIT_SYNC_TOKEN', 'GITSYNC_SECRET', 'GIT_SIDECAR_API_KEY'])(
    'a variable that looks like one of ours and like a secret is withheld: %s',
    (name) => {
      expect(applicationEnvironment({ [name]: 'hidden' })).toEqual({});
    },
  );

  test('everything else is handed on as it is', () => {
    const env = {
      OWN: 'https://user:own@h',
      DATABASE_PASSWORD: 'theirs',
      GITSYNC_REPO: 'git@host:group/repo.git',
      GIT_SYNC_REPO: 'https://h/r.git?ref=main',
      GITSYNC_REF: 'main',
      GITSYNC_PASSWORD_FILE: '/etc/secret',
    };
    const { GITSYNC_PASSWORD_FILE: file, ...rest } = env;
    expect(applicationEnvironment(env)).toEqual({ ...rest, GITSYNC_PASSWORD_FILE: file });
  });

  test('a URL stays a URL that can be shown', () => {
    const shown = applicationEnvironment({
      GITSYNC_REPO: 'https://user:hidden@h/r.git',
      GIT_SYNC_REPO: 'ssh://git:hidden@h/r.git',
      GITSYNC_NATS: 'nats://user:hidden@a:4222,tls://b:4222',
    });
    expect(shown).toEqual({
      GITSYNC_REPO: 'https://h/r.git',
      GIT_SYNC_REPO: 'ssh://git@h/r.git',
      GITSYNC_NATS: 'nats://a:4222,tls://b:4222',
    });
  });

  test('the sync inside run hands them to its hooks without secrets as well', () => {
    const env = {
      GITSYNC_REPO: 'https://user:hidden@h/r.git',
      GITSYNC_GIT_CONFIG: 'http.extraheader:"X: hidden"',
      GITSYNC_NATS: 'nats://u:hidden@h:4222',
      GITSYNC_ROOT: '/git',
    };
    const config = buildRunConfig(load('run', ['--', 'true'], env), env, '/');
    expect(config.sync?.credentials[0]?.password).toBe('hidden');
    for (const inherited of [config.environment, config.sync?.environment])
      expect(JSON.stringify(inherited)).not.toContain('hidden');
  });
});

test.each([
  ['repo', 'https://user:secret@h/r', true],
  ['repo', 'https://h/r', false],
  ['git-config', 'http.extraheader:"X: y"', true],
  ['git-config', 'user.name:me', false],
  ['webhook-url', 'https://u:secret@h/x', true],
  ['webhook-url', 'https://h/x', true],
  ['webhook-url', 'https://h/', false],
  ['username', 'me', false],
  ['password', 'secret', true],
  ['password', '', false],
])('a flag is hidden from ps when it holds a secret: --%s=%s: %s', (name, value, expected) => {
  const option = ALL.find((each) => each.name === name);
  expect(option && holdsSecret(option, value)).toBe(expected);
});
