import { createHmac } from 'node:crypto';

export const SECRET = 'a shared secret';

export interface Notification {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const sign = (body: string): string => createHmac('sha256', SECRET).update(body).digest('hex');

const json = { 'content-type': 'application/json' };

/** GitHub, "Webhook events and payloads: push". */
export function github(ref: string, repository: string, event = 'push'): Notification {
  const body = JSON.stringify({
    ref,
    before: '6113728f27ae82c7b1a177c8d03f9e96e0adf246',
    after: '0000000000000000000000000000000000000000',
    repository: {
      id: 35129377,
      name: repository.split('/').at(-1),
      full_name: repository,
      html_url: `https://github.com/${repository}`,
      clone_url: `https://github.com/${repository}.git`,
      ssh_url: `git@github.com:${repository}.git`,
    },
    pusher: { name: 'Codertocat' },
  });
  return {
    body,
    headers: {
      ...json,
      'x-github-event': event,
      'x-github-delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958',
      'x-hub-signature-256': `sha256=${sign(body)}`,
    },
  };
}

/** GitHub with "application/x-www-form-urlencoded" chosen. */
function githubForm(ref: string, repository: string): Notification {
  const { body, headers } = github(ref, repository);
  const form = new URLSearchParams({ payload: body }).toString();
  return {
    body: form,
    headers: {
      ...headers,
      'content-type': 'application/x-www-form-urlencoded',
      'x-hub-signature-256': `sha256=${sign(form)}`,
    },
  };
}

/** GitLab, "Webhook events: push events". */
export function gitlab(ref: string, repository: string, event = 'Push Hook'): Notification {
  const body = JSON.stringify({
    object_kind: 'push',
    event_name: 'push',
    before: '95790bf891e76fee5e1747ab589903a6a1f80f22',
    after: 'da1560886d4f094c3e6c9ef40349f7d38b5d27d7',
    ref,
    project: {
      id: 15,
      path_with_namespace: repository,
      web_url: `http://example.com/${repository}`,
      git_ssh_url: `git@example.com:${repository}.git`,
      git_http_url: `http://example.com/${repository}.git`,
    },
  });
  return { body, headers: { ...json, 'x-gitlab-event': event, 'x-gitlab-token': SECRET } };
}

/** Gitea and Forgejo, "Webhooks": they send GitHub's headers too. */
function gitea(ref: string, repository: string): Notification {
  const { body } = github(ref, repository);
  return {
    body,
    headers: {
      ...json,
      'x-gitea-event': 'push',
      'x-gitea-signature': sign(body),
      'x-github-event': 'push',
      'x-hub-signature-256': `sha256=${sign(body)}`,
    },
  };
}

/** Bitbucket Cloud, "Event payloads: repository push". */
function bitbucket(ref: string, repository: string): Notification {
  const [, kind, name] = /^refs\/(heads|tags)\/(.*)$/.exec(ref) ?? [];
  const body = JSON.stringify({
    repository: { full_name: repository, links: { html: { href: `https://bitbucket.org/${repository}` } } },
    push: { changes: [{ new: { type: kind === 'tags' ? 'tag' : 'branch', name }, old: null, created: true }] },
  });
  return { body, headers: { ...json, 'x-event-key': 'repo:push', 'x-hub-signature': `sha256=${sign(body)}` } };
}

/** Bitbucket Data Center, "Event payload: push". */
function bitbucketServer(ref: string, repository: string): Notification {
  const [key, slug] = repository.split('/');
  const body = JSON.stringify({
    eventKey: 'repo:refs_changed',
    repository: {
      slug,
      project: { key: key?.toUpperCase() },
      links: { clone: [{ href: `https://bitbucket.example.com/scm/${key}/${slug}.git`, name: 'http' }] },
    },
    changes: [{ ref: { id: ref, displayId: 'x', type: 'BRANCH' }, refId: ref, type: 'UPDATE' }],
  });
  return { body, headers: { ...json, 'x-event-key': 'repo:refs_changed', 'x-hub-signature': `sha256=${sign(body)}` } };
}

/** Azure DevOps, "Service hooks events: code pushed", with basic authentication. */
function azure(ref: string, repository: string): Notification {
  const body = JSON.stringify({
    eventType: 'git.push',
    publisherId: 'tfs',
    resource: {
      refUpdates: [{ name: ref, oldObjectId: 'aad331d8', newObjectId: '33b55f7c' }],
      repository: { name: 'x', remoteUrl: `https://dev.azure.com/${repository}` },
    },
  });
  return { body, headers: { ...json, authorization: `Basic ${Buffer.from(`hook:${SECRET}`).toString('base64')}` } };
}

/** Anybody who can compute an HMAC. */
function generic(ref: string, repository: string): Notification {
  const body = JSON.stringify({ ref, repository });
  return { body, headers: { ...json, 'x-signature-256': `sha256=${sign(body)}` } };
}

export const PROVIDERS = { github, githubForm, gitlab, gitea, bitbucket, bitbucketServer, azure, generic };
