import type { Hint } from '../../model/hint.ts';

/** What a push notification says. */
export interface PushNotice {
  readonly provider: Provider;
  /** The refs that moved; empty when the provider does not say. */
  readonly moves: readonly Move[];
  /** URLs and names by which the provider knows the repository; empty when it does not say. */
  readonly repositories: readonly string[];
}

/** A ref that moved, and from where to where, as far as the provider says it. */
export type Move = Hint & { readonly ref: string };

export type Provider = 'github' | 'gitlab' | 'gitea' | 'bitbucket' | 'bitbucket-server' | 'azure' | 'generic';

type Json = Readonly<Record<string, unknown>>;

function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function listOf(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.map(objectOf) : [];
}

function texts(...values: readonly unknown[]): string[] {
  return values.filter((value): value is string => typeof value === 'string' && value !== '');
}

/** A commit; undefined for none (all zeros) and for anything else. */
function commitOf(value: unknown): string | undefined {
  const text = typeof value === 'string' ? value.toLowerCase() : '';
  return /^(?!0+$)(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text) ? text : undefined;
}

function movesOf(ref: unknown, from: unknown, to: unknown): Move[] {
  return texts(ref).map((name) => ({ ref: name, from: commitOf(from), to: commitOf(to) }));
}

/** GitHub, Gitea and Forgejo: "Push events payload". */
function readGitHub(body: Json, provider: Provider): PushNotice {
  const repository = objectOf(body.repository);
  const { clone_url, ssh_url, html_url, full_name } = repository;
  const repositories = texts(clone_url, ssh_url, html_url, full_name);
  return { provider, moves: movesOf(body.ref, body.before, body.after), repositories };
}

/** GitLab: "Push events", "Tag events". */
function readGitLab(body: Json): PushNotice {
  const project = objectOf(body.project);
  const { git_http_url, git_ssh_url, web_url, path_with_namespace } = project;
  const repositories = texts(git_http_url, git_ssh_url, web_url, path_with_namespace);
  return { provider: 'gitlab', moves: movesOf(body.ref, body.before, body.after), repositories };
}

/** Bitbucket Cloud: "Event payloads", Repository push. A change without `new` deleted something. */
function readBitbucket(body: Json): PushNotice {
  const repository = objectOf(body.repository);
  const html = objectOf(objectOf(repository.links).html).href;
  const moves = listOf(objectOf(body.push).changes).flatMap((change) => {
    const { type, name } = objectOf(change.new ?? change.old);
    const [from, to] = [change.old, change.new].map((each) => objectOf(objectOf(each).target).hash);
    return texts(name).flatMap((text) => movesOf(`refs/${type === 'tag' ? 'tags' : 'heads'}/${text}`, from, to));
  });
  return { provider: 'bitbucket', moves, repositories: texts(html, repository.full_name) };
}

/** Bitbucket Data Center: "Event payload", Push (`repo:refs_changed`). */
function readBitbucketServer(body: Json): PushNotice {
  const repository = objectOf(body.repository);
  const { key } = objectOf(repository.project);
  const links = objectOf(repository.links);
  const hrefs = listOf(links.clone).map(({ href }) => href);
  const moves = listOf(body.changes).flatMap((change) =>
    movesOf(texts(objectOf(change.ref).id, change.refId)[0], change.fromHash, change.toHash),
  );
  const name = texts(key, repository.slug).length === 2 ? `${String(key)}/${String(repository.slug)}` : undefined;
  return { provider: 'bitbucket-server', moves, repositories: texts(...hrefs, name) };
}

/** Azure DevOps: service hooks, "Code pushed" (`git.push`). */
function readAzure(body: Json): PushNotice {
  const resource = objectOf(body.resource);
  const moves = listOf(resource.refUpdates).flatMap(({ name, oldObjectId, newObjectId }) =>
    movesOf(name, oldObjectId, newObjectId),
  );
  return { provider: 'azure', moves, repositories: texts(objectOf(resource.repository).remoteUrl) };
}

/** Any other sender: `{"ref": …, "before": …, "after": …, "repository": …}`, all of them optional. */
function readGeneric(body: Json): PushNotice {
  const repository = objectOf(body.repository);
  const names = texts(body.repository, repository.clone_url, repository.url, repository.full_name);
  return { provider: 'generic', moves: movesOf(body.ref, body.before, body.after), repositories: names };
}

/** Reads the JSON body of a notification of `provider`; what is missing or of another type is left out. */
export function readPayload(provider: Provider, document: unknown): PushNotice {
  const body = objectOf(document);
  switch (provider) {
    case 'github':
    case 'gitea':
      return readGitHub(body, provider);
    case 'gitlab':
      return readGitLab(body);
    case 'bitbucket':
      return readBitbucket(body);
    case 'bitbucket-server':
      return readBitbucketServer(body);
    case 'azure':
      return readAzure(body);
    case 'generic':
      return readGeneric(body);
  }
}
