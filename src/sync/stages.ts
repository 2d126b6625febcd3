import type { Stage } from './cycle.ts';
import { RefMoves } from './ref-moves.ts';
import { inOrder } from './stage-order.ts';
import { checkout } from './stages/checkout.ts';
import { createCleanUp } from './stages/clean-up.ts';
import { compareWith } from './stages/compare.ts';
import { considerWith } from './stages/consider.ts';
import { fetchObjects } from './stages/fetch.ts';
import { announceNews, announceNoNews } from './stages/group.ts';
import { createIntoStage } from './stages/into.ts';
import { look } from './stages/look.ts';
import { pollWith, refreshCredentials } from './stages/poll.ts';
import { askBeforePublish, publish } from './stages/publish.ts';
import { report } from './stages/report.ts';
import { createTell } from './stages/tell.ts';
import { noteIntent, refuseAgain, rememberVerified, verify, verifyShown, verifySubmodules } from './stages/verify.ts';
import { TreeWatch } from './tree-watch.ts';

/** The cycle, in order: the path of data from a moved ref to a notified consumer. */
export function createStages(): readonly Stage[] {
  const watch = new TreeWatch();
  return inOrder([
    look,
    refreshCredentials,
    pollWith(new RefMoves()),
    compareWith(watch),
    announceNews,
    refuseAgain,
    fetchObjects,
    verify,
    considerWith(watch),
    verifyShown,
    checkout,
    verifySubmodules,
    askBeforePublish,
    noteIntent,
    createIntoStage(),
    publish,
    rememberVerified,
    announceNoNews,
    report,
    createTell(),
    createCleanUp(),
  ]);
}
