import { visibleText } from '../../platform/visible-text.ts';
import type { ProcessFacts } from '../../service/publisher.ts';
import { LARGEST_OUTPUT, LONGEST_REASON, outputSize, type ReportedProcess } from '../protocol/report.ts';

/** Never ends in the middle of a character. */
function shortened(text: string, longest: number): string {
  return text.slice(0, longest).replace(/[\ud800-\udbff]$/, '');
}

/** `text` as a relay takes it for a reason. */
export function reportedReason(text: string): string {
  return shortened(visibleText(text), LONGEST_REASON);
}

/** The last of `lines` that a report has room for; undefined when there are none. */
export function reportedOutput(lines: readonly string[]): readonly string[] | undefined {
  let shown = lines.map(visibleText);
  while (shown.length > 1 && outputSize(shown) > LARGEST_OUTPUT) shown = shown.slice(1);
  // A character takes up to six bytes in a report.
  if (outputSize(shown) > LARGEST_OUTPUT) shown = shown.map((line) => shortened(line, LARGEST_OUTPUT / 6 - 8));
  return shown.length === 0 ? undefined : shown;
}

/** @param before what was reported last: it says since when the process is in its state */
export function reportedProcess(
  before: ReportedProcess | undefined,
  ref: string,
  { oid, state, ended, reason, output }: ProcessFacts,
  now: number,
): ReportedProcess {
  const isSame = before?.state === state && before.of?.oid === oid && before.ended === ended;
  const lines = reportedOutput(output);
  return {
    ...{ of: oid && { ref, oid }, state, at: isSame ? before.at : now, ended },
    ...(reason !== undefined && reason !== '' && { reason: reportedReason(reason) }),
    ...(lines && { output: lines }),
  };
}
