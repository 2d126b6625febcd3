import { CASE_HINTS } from '../model/case-hints.ts';
import { ERROR_CODES } from '../model/error-codes.ts';
import { DOCTOR_HINT, type ErrorClass, type ErrorCodeEntry } from '../model/error-entry.ts';

const ACTIONS: Readonly<Record<ErrorClass, string>> = {
  retry: 'tried again after the backoff; counts as a failure for `--max-failures`',
  wait: 'tried again, no sooner than the server asked',
  veto: 'a hook or the policy for signatures refuses; the hook is asked again after its own backoff; no failure, but with `--one-time`',
  stop: 'exits with status 1, where the meaning names no other (a command line that cannot be parsed: 2)',
};

/** docs/errors.md. */
export function renderErrorsDoc(): string {
  const rows = Object.entries<ErrorCodeEntry>(ERROR_CODES).map(
    ([code, entry]) =>
      `| \`${code}\` | ${entry.class} | ${entry.meaning}${entry.exit === undefined ? '' : ` Exit status ${entry.exit}.`} | ${entry.hint}${entry.examined ? ` ${DOCTOR_HINT}` : ''} |`,
  );
  const cases = Object.values(CASE_HINTS).map(({ code, hint }) => `| \`${code}\` | ${hint} |`);
  const classes = Object.entries(ACTIONS).map(([name, action]) => `- **${name}**: ${action}.`);
  return `${[
    '# Errors',
    '<!-- Made by `npm run docs` from src/model/error-codes.ts; do not edit. -->',
    'Every error has a code, which stands in the log line as `code` beside a `hint`. Its class decides what happens next:',
    classes.join('\n'),
    `| code | class | meaning | what to do |\n|---|---|---|---|\n${rows.join('\n')}`,
    'Where more is known, the hint says it: another party is at fault, or another setting helps. In v3 mode hints name v3’s options and variables.',
    `| code | hint |\n|---|---|\n${cases.join('\n')}`,
  ].join('\n\n')}\n`;
}
