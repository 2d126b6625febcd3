import type { EventName } from '../../config/answer-config.ts';
import { visibleText } from '../../platform/visible-text.ts';
import { type RolloutEvent, shortRef } from './rollout-event.ts';

type Sentence = (event: RolloutEvent) => string;

const shortOid = ({ oid }: RolloutEvent): string => oid?.slice(0, 8) ?? 'a revision';
const by = ({ who }: RolloutEvent): string => (who === undefined ? '' : ` by ${who}`);
const because = ({ why }: RolloutEvent): string => (why === undefined ? '' : `: ${why}`);
const stageOf = ({ stage }: RolloutEvent): string => (stage === undefined ? '' : ` of stage ${stage}`);
const inStage = ({ stage }: RolloutEvent): string => (stage === undefined ? '' : ` in stage ${stage}`);

const SENTENCES: Readonly<Record<EventName, Sentence>> = {
  first: (event) => `${shortOid(event)} is the first revision; all instances get it`,
  started: (event) => `the rollout of ${shortOid(event)} has started${because(event)}`,
  queued: (event) => `${shortOid(event)} waits until the rollout before it has ended`,
  refused: (event) => `${shortOid(event)} is not rolled out${because(event)}`,
  replaced: (event) => `the rollout of ${shortOid(event)} ended before it was complete${because(event)}`,
  opened: (event) => `the rollout of ${shortOid(event)}: stage ${event.stage ?? ''} is open`,
  skipped: (event) => `the rollout of ${shortOid(event)}: stage ${event.stage ?? ''} is passed over`,
  failed: (event) => `the rollout of ${shortOid(event)}: an instance${stageOf(event)} failed${because(event)}`,
  soaking: (event) => `the rollout of ${shortOid(event)}: all${stageOf(event)} are done; it soaks`,
  halted: (event) => `the rollout of ${shortOid(event)} has halted${inStage(event)}${because(event)}`,
  reverting: (event) => `instances go back to ${shortOid(event)}`,
  completed: (event) => `the rollout of ${shortOid(event)} is complete`,
  frozen: (event) => `the rollout of ${shortOid(event)} waits for the end of a freeze window`,
  thawed: (event) => `the rollout of ${shortOid(event)} goes on after a freeze window`,
  paused: (event) => `rollouts are paused${by(event)}${because(event)}`,
  resumed: (event) => `rollouts are resumed${by(event)}${because(event)}`,
  promoted: (event) => `the rollout of ${shortOid(event)} is promoted${inStage(event)}${by(event)}${because(event)}`,
  aborted: (event) => `the rollout of ${shortOid(event)} is aborted${inStage(event)}${by(event)}${because(event)}`,
  reverted: (event) => `all instances go to ${shortOid(event)}, reverted${by(event)}${because(event)}`,
  pinned: (event) => `all instances go to ${shortOid(event)}, pinned${by(event)}${because(event)}`,
  unpinned: (event) => `the pin is removed${by(event)}${because(event)}`,
  policy: (event) => `another policy is in force${because(event)}`,
};

/** What happened, as a sentence without an end: `team/web main: the rollout of 1a2b3c4d is complete`. */
export function describeEvent(event: RolloutEvent): string {
  const path = event.repository.slice(event.repository.indexOf('/') + 1).replace(/\.git$/, '');
  return visibleText(`${path} ${shortRef(event.ref)}: ${SENTENCES[event.event](event)}`);
}
