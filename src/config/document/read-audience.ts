import type { Audience } from '../answer-config.ts';
import type { Fields } from './fields.ts';
import type { Problems } from './problems.ts';
import type { TreeText } from './tree.ts';

/** As behind the `#` of `--allow`. */
const REF = /^[^\s~^:?[\\,]+$/;
/** As in `--allow`, without a scheme, a user and refs. */
const REPOSITORY = /^(?!\w+:\/\/)[^\s/@#?]+\/[^\s@#?]+$/;

export const AUDIENCE_KEYS = ['repository', 'refs', 'policies'];

export function readRefs(fields: Fields, key: string, problems: Problems): readonly string[] | undefined {
  const texts = fields.texts(key);
  for (const { at, text } of texts ?? [])
    if (!REF.test(text)) problems.add(at, `${key} takes names like main, release/* and refs/tags/**`);
  return texts?.map(({ text }: TreeText) => text);
}

/** A name or a pattern of repositories; undefined when it is not there. */
export function readRepository(fields: Fields): string | undefined {
  const repository = fields.text('repository');
  if (repository !== undefined && !REPOSITORY.test(repository))
    fields.complain('repository', 'must be like git.example.com/team/*, without https:// and without a user');
  return repository;
}

/** Which rollouts an entry is about. @param policies those that there are */
export function readAudience(fields: Fields, policies: ReadonlySet<string>, problems: Problems): Audience {
  const named = fields.texts('policies');
  for (const { at, text } of named ?? [])
    if (!policies.has(text)) problems.add(at, `policies names ${text}, and no policy of this file has that name`);
  return {
    repository: readRepository(fields),
    refs: readRefs(fields, 'refs', problems),
    policies: named?.map(({ text }) => text),
  };
}
