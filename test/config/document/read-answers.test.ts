import { describe, expect, test } from 'vitest';
import { parseRolloutFile } from '../../../src/config/document/read-rollout-file.ts';
import type { RolloutFile } from '../../../src/config/rollout-file.ts';
import { SidecarError } from '../../../src/model/error.ts';

const POLICY = 'rollouts:\n- name: web\n  repository: git.example.com/team/*\n  refs: main\n';
const ANSWER = 'answers:\n- name: a\n  to: github\n  repository: github.com/team/*\n  token-file: token\n';
const NOTIFICATION = 'notifications:\n- name: n\n  to: slack\n  url-file: /s/slack\n';

const read = (text: string): RolloutFile => parseRolloutFile('/etc/relay/rollouts.yaml', `${POLICY}${text}`);

function detailOf(text: string): string {
  try {
    read(text);
  } catch (error) {
    if (error instanceof SidecarError) return error.detail;
    throw error;
  }
  return '';
}

describe('answers in the file of --rollouts', () => {
  test('are none where the file names none', () => {
    expect(read('')).toMatchObject({ answers: [], notifications: [] });
  });

  test('need a name, a forge, repositories and a token; paths begin at the file', () => {
    expect(read(ANSWER).answers).toEqual([
      {
        ...{ name: 'a', to: 'github', repository: 'github.com/team/*', refs: undefined, policies: undefined },
        ...{ api: 'https://api.github.com', tokenFile: '/etc/relay/token', user: undefined, pageUrl: undefined },
        ...{ context: 'git-sidecar/{{policy}}/{{branch}}', environment: undefined },
      },
    ]);
  });

  test.each([
    ['github', 'git.corp.example/*/*', 'https://git.corp.example/api/v3'],
    ['gitlab', 'gitlab.com/**', 'https://gitlab.com/api/v4'],
    ['gitea', 'Codeberg.org/a/*', 'https://codeberg.org/api/v1'],
    ['bitbucket-cloud', 'bitbucket.org/a/*', 'https://api.bitbucket.org/2.0'],
    ['bitbucket-data-center', 'git.corp.example/scm/A/*', 'https://git.corp.example'],
    ['azure-devops', 'ssh.dev.azure.com/v3/a/**', 'https://dev.azure.com'],
  ])('know where the API of %s is that serves %s', (to, repository, api) => {
    const entry = `answers:\n- {name: a, to: ${to}, repository: "${repository}", token-file: /t, page-url: "https://p/"}\n`;
    expect(read(entry).answers[0]?.api).toBe(api);
  });

  test.each<[string, string]>([
    ['  token_file: /t', '10:3: token_file is not known in an answer; did you mean token-file?'],
    ['  user: me', 'user of an answer belongs to Bitbucket'],
    ['  github-app: true', 'github-app of an answer and token-file cannot be in one entry'],
    ['  environment: test', 'environment of an answer has no effect without deployments: true'],
    ['  context: "{{polcy}}"', '10:12: {{polcy}} is not known here; did you mean {{policy}}?'],
    ['  context: "{{commit}}"', '{{commit}} is not known here'],
    ['  context: "{{policy"', '{{ has no }}: write {{name}}'],
    ['  page-url: relay.example.com', 'page-url of an answer must be a URL'],
    ['  url: https://me:secret@api.example.com', 'url of an answer holds a user or a password'],
    ['  policies: [api]', 'policies names api, and no policy of this file has that name'],
    ['  refs: "a b"', 'refs takes names like main'],
    [ANSWER.slice('answers:\n'.length), 'another answer before it has the same name'],
  ])('%j is refused with its place and what would be right', (line, complaint) => {
    expect(detailOf(`${ANSWER}${line}\n`)).toContain(complaint);
  });

  test.each<[string, string]>([
    ['{name: a, to: github, repository: "*/team/*", token-file: /t}', 'must name the host without *'],
    ['{name: a, to: gitlab, repository: gitlab.com/**}', 'token-file of an answer is missing'],
    ['{name: a, to: gitlab, repository: gitlab.com/**, github-app: true}', 'github-app of an answer belongs to github'],
    [
      '{name: a, to: bitbucket-cloud, repository: bitbucket.org/a/b, token-file: /t}',
      'page-url of an answer is missing',
    ],
    ['{name: a, to: githup, repository: github.com/a/b, token-file: /t}', 'to of an answer must be github or gitlab'],
    ['{name: a, to: github, token-file: /t}', 'repository of an answer is missing'],
  ])('%s is refused', (entry, complaint) => {
    expect(detailOf(`answers:\n- ${entry}\n`)).toContain(complaint);
  });
});

describe('notifications in the file of --rollouts', () => {
  test('need a name, a receiver and its address; the rest has defaults', () => {
    expect(read(NOTIFICATION).notifications).toEqual([
      {
        ...{ name: 'n', channel: { to: 'slack' }, repository: undefined, refs: undefined, policies: undefined },
        events: expect.arrayContaining(['started', 'completed', 'halted']) as unknown,
        ...{ url: undefined, urlFile: '/s/slack', tokenFile: undefined, tokenHeader: 'authorization' },
        ...{ secretFile: undefined, signatureHeader: 'x-signature', pageUrl: undefined },
      },
    ]);
  });

  test('take all events, or those that are named', () => {
    expect(read(`${NOTIFICATION}  events: all\n`).notifications[0]?.events).toContain('failed');
    expect(read(`${NOTIFICATION}  events: [completed]\n`).notifications[0]?.events).toEqual(['completed']);
  });

  test.each<[string, string]>([
    ['  url: https://hooks.slack.com/services/x', 'url of a notification of slack is a secret: put it into url-file'],
    ['  events: [complete]', 'did you mean completed?'],
    ['  room: "!a:b"', 'room of a notification has no meaning for slack'],
    ['  body: x', 'body of a notification has no meaning for slack'],
    ['  chanel: x', 'chanel is not known in a notification'],
  ])('%j is refused for Slack', (line, complaint) => {
    expect(detailOf(`${NOTIFICATION}${line}\n`)).toContain(complaint);
  });

  test.each<[string, string]>([
    ['body: "{{comit}}"', 'did you mean {{commit}}?'],
    ['headers: {authorization: Bearer x}', 'Authorization is a secret: use token-file'],
    ['headers: {content-length: 1}', 'a header of this name cannot be sent'],
    ['headers: {x-a: "{{nobody}}"}', '{{nobody}} is not known here'],
    ['headers: {x-a: "ä"}', 'must be a text of printable ASCII'],
    ['method: GET', 'method of a notification must be POST or PUT or PATCH'],
    ['escape: html', 'escape of a notification must be json or url or none'],
    ['signature-header: "a b"', 'signature-header of a notification must be the name of a header'],
    ['url-file: /u', 'url-file of a notification and url cannot be in one entry'],
    ['mode: binary', 'mode of a notification has no meaning for webhook'],
  ])('%j is refused for a webhook', (line, complaint) => {
    expect(detailOf(`notifications:\n- name: n\n  to: webhook\n  url: https://h/\n  ${line}\n`)).toContain(complaint);
  });

  test('a Matrix room is named by its id, and needs a token', () => {
    const entry = (more: string): string =>
      `notifications:\n- {name: n, to: matrix, url: "https://m.example", ${more}}\n`;
    expect(detailOf(entry('room: "#alias:x", token-file: /t'))).toContain('must be the id of a room');
    expect(detailOf(entry('room: "!id:x"'))).toContain('token-file of a notification is missing');
    expect(detailOf(entry('room: "!id:x", token-file: /t'))).toBe('');
  });
});
