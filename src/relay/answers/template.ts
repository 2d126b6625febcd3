import type { Escape, Placeholder } from '../../config/answer-config.ts';
import { describeEvent } from './describe-event.ts';
import { type Place, type RolloutEvent, shortRef } from './rollout-event.ts';

export type Values = Readonly<Record<Placeholder, string>>;

const WRITE: Readonly<Record<Escape, (value: string) => string>> = {
  json: (value) => JSON.stringify(value).slice(1, -1),
  url: (value) => encodeURIComponent(value),
  none: (value) => value,
};

/** `text` with the values in the places of `{{name}}`. */
export function fillTemplate(text: string, values: Values, how: Escape): string {
  return text.replace(/\{\{\s*([a-z]+)\s*\}\}/g, (all, name: string) =>
    name in values ? WRITE[how](values[name as Placeholder]) : all,
  );
}

/** What is known of a commit in some place. Nothing is known of an event. */
export function valuesOfCommit({ repository, ref, policy }: Place, oid: string, pageUrl: string | undefined): Values {
  const none = { id: '', event: '', text: '', stage: '', who: '', why: '', time: '', page: '' };
  const [, host = '', path = ''] = /^([^/]*)\/(.*?)(?:\.git)?$/.exec(repository) ?? [];
  const values = {
    ...none,
    repository,
    host,
    path,
    ref,
    branch: shortRef(ref),
    commit: oid,
    short: oid.slice(0, 8),
    policy,
  };
  return { ...values, page: pageUrl === undefined ? '' : fillTemplate(pageUrl, values, 'url') };
}

export function valuesOfEvent(event: RolloutEvent, pageUrl: string | undefined): Values {
  const { id, event: name, stage = '', who = '', why = '', at } = event;
  const commit = valuesOfCommit(event, event.oid ?? '', pageUrl);
  const time = new Date(at).toISOString();
  return { ...commit, id, event: name, text: describeEvent(event), stage, who, why, time };
}
