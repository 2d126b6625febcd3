import { expect, test } from 'vitest';
import { jsonLogFormat, terminalLogFormat } from '../../src/platform/log-format.ts';

test.each([
  ['text', terminalLogFormat(false)],
  ['JSON', jsonLogFormat],
])(
  'a name with a line feed or an escape sequence neither breaks a log line nor reaches the terminal (%s)',
  (_name, format) => {
    const name = 'a\nb\r\u001b[31mred';
    const error = new Error(`ENOENT: no such file or directory, lstat '${name}'`);
    const line = format({
      time: new Date(0),
      kind: 'error',
      level: 0,
      message: 'failed',
      error,
      fields: { path: name },
    });
    expect(line).not.toMatch(/[\n\r\u001b]/);
    expect(line).toContain("lstat 'a\\nb\\r");
  },
);
