import { visibleJson, visibleText } from '../platform/visible-text.ts';
import type { Finding, Mark } from './finding.ts';

const MARKS: Readonly<Record<Mark, string>> = { ok: '✓', wrong: '✗', untried: '–', none: '–' };

function lineOf({ check, unit, mark, target, reason, mend }: Finding, width: number): string {
  const name = (unit === undefined ? check : `${unit}: ${check}`).padEnd(width);
  return visibleText(`${MARKS[mark]} ${name}  ${target}: ${reason}${mend === undefined ? '' : ` → ${mend}`}`);
}

const nameOf = ({ check, unit }: Finding): string => (unit === undefined ? check : `${unit}: ${check}`);

/** A line for each check, and one that names those which do not apply. */
export function textReport(findings: readonly Finding[]): string {
  const shown = findings.filter(({ mark }) => mark !== 'none');
  const width = Math.max(0, ...shown.map((finding) => nameOf(finding).length));
  const applied = new Set(shown.map(({ check }) => check));
  const others = [...new Set(findings.map(({ check }) => check))].filter((check) => !applied.has(check));
  const last = others.length === 0 ? [] : [`${MARKS.none} does not apply here: ${others.join(', ')}`];
  return [...shown.map((finding) => lineOf(finding, width)), ...last].map((line) => `${line}\n`).join('');
}

/** One object: `ok`, and `checks` with the fields of {@link Finding}. */
export function jsonReport(findings: readonly Finding[]): string {
  return `${visibleJson({ ok: isWell(findings), checks: findings })}\n`;
}

export function isWell(findings: readonly Finding[]): boolean {
  return findings.every(({ mark }) => mark === 'ok' || mark === 'none');
}
