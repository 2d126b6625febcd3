import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Git } from '../../../src/git/git.ts';
import { PackAnswers, type PackQuestion } from '../../../src/relay/server/pack-answers.ts';
import type { Spool } from '../../../src/relay/server/spool.ts';
import { silentLog } from '../../kit/silent-log.ts';
import { tempDir } from '../../kit/temp.ts';
import { until } from '../../peers/wait.ts';

interface Run {
  readonly body: string;
  write(text: string): Promise<void>;
  end(code: number): void;
}

/** A git whose answers the test writes, and answers that use it. */
function setUp(limits: Partial<ConstructorParameters<typeof PackAnswers>[0]> = {}) {
  const runs: Run[] = [];
  const failures: string[] = [];
  const git: Git = {
    started: 0,
    run: (_args, { stdin, stdoutSink }) =>
      new Promise((resolve) => {
        runs.push({
          body: String(stdin),
          write: async (text) => await stdoutSink?.(Buffer.from(text)),
          end: (code) => resolve({ code, stdout: '', bytes: Buffer.alloc(0), stderr: '', truncated: false }),
        });
      }),
  };
  const directory = join(tempDir(), 'answers');
  const options = {
    ...{ git, directory, log: silentLog, mostBytes: 1e9, mostBytesInMemory: 1e9, mostAtOnce: 4, mostWaiting: 100 },
    ...{ timeoutMs: 10_000, onFailure: (gitDir: string) => failures.push(gitDir) },
  };
  const answers = new PackAnswers({ ...options, ...limits });
  const question = (key: string): PackQuestion => ({
    ...{ gitDir: '/m', key: [key], body: Buffer.from(key), protocol: 2, isOwed: false, advertise: false },
  });
  const read = async (answer: Spool): Promise<string> => {
    let text = '';
    for await (const chunk of answer.read()) text += chunk.toString();
    return text;
  };
  const settled = (): Promise<unknown> => new Promise((done) => setTimeout(done, 20));
  return { runs, failures, directory, answers, question, read, settled };
}

describe('answers to fetches', () => {
  test('a thousand equal questions, before, while and after, are one git process and one answer', async () => {
    const { runs, answers, question, read, settled } = setUp();
    await answers.open();
    const first = Array.from({ length: 500 }, () => read(answers.ask(question('q')).answer));
    await settled();
    await runs[0]?.write('0008NAK\n');
    const later = Array.from({ length: 499 }, () => read(answers.ask(question('q')).answer));
    await runs[0]?.write('pack');
    runs[0]?.end(0);
    expect(new Set(await Promise.all([...first, ...later]))).toEqual(new Set(['0008NAK\npack']));
    await settled();
    const { answer, source } = answers.ask(question('q'));
    expect(source).toBe('kept');
    expect(await read(answer)).toBe('0008NAK\npack');
    expect(runs).toHaveLength(1);
    expect(answers.counts).toEqual({ computed: 1, joined: 998, kept: 1 });
  });

  test('git that ends in the middle breaks off every reader, is asked anew, and the mirror is suspected', async () => {
    const { runs, failures, answers, question, read, settled } = setUp();
    await answers.open();
    const reading = [answers.ask(question('q')), answers.ask(question('q'))].map(({ answer }) => read(answer));
    await settled();
    await runs[0]?.write('half a pa');
    runs[0]?.end(128);
    for (const one of reading) await expect(one).rejects.toThrow('in the middle');
    expect(failures).toEqual(['/m']);
    await settled();
    expect(answers.ask(question('q')).source).toBe('computed');
  });

  test('a refusal is passed on but not kept, and says nothing about the mirror', async () => {
    const { runs, failures, answers, question, read, settled } = setUp();
    await answers.open();
    const reading = read(answers.ask(question('q')).answer);
    await settled();
    await runs[0]?.write('0020ERR upload-pack: not our ref');
    runs[0]?.end(128);
    expect(await reading).toContain('not our ref');
    await settled();
    expect(answers.ask(question('q')).source).toBe('computed');
    expect(failures).toEqual([]);
  });

  test('a refusal of what the mirror has to have makes it suspected', async () => {
    const { runs, failures, answers, question, settled } = setUp();
    await answers.open();
    answers.ask({ ...question('q'), isOwed: true });
    await settled();
    await runs[0]?.write('0020ERR upload-pack: not our ref');
    runs[0]?.end(128);
    await settled();
    expect(failures).toEqual(['/m']);
  });

  test('what is kept stays within its bounds; the answer that was used last stays longest', async () => {
    const { runs, directory, answers, question, settled } = setUp({ mostBytes: 5_000_000 });
    await answers.open();
    for (const [index, key] of ['a', 'b', 'c'].entries()) {
      answers.ask(question(key));
      await settled();
      await runs[index]?.write('x'.repeat(2_000_000));
      runs[index]?.end(0);
      await settled();
      answers.ask(question('a'));
    }
    await until('one of them went', () => answers.bytes === 4_000_000 && readdirSync(directory).length === 2);
    expect(answers.ask(question('a')).source).toBe('kept');
    expect(answers.ask(question('b')).source).toBe('computed');
    await answers.close();
    expect(() => readdirSync(directory)).toThrow('ENOENT');
  });

  test('so many git processes at a time, so many questions that wait, and a refusal for more', async () => {
    const { runs, answers, question, settled } = setUp({ mostAtOnce: 2, mostWaiting: 3 });
    await answers.open();
    for (const key of ['1', '2', '3', '4', '5']) answers.ask(question(key));
    expect(() => answers.ask(question('6'))).toThrow('wait for an answer');
    expect(answers.ask(question('5')).source).toBe('joined');
    await settled();
    expect(runs).toHaveLength(2);
    runs[0]?.end(0);
    await settled();
    expect(runs.map(({ body }) => body)).toEqual(['1', '2', '3']);
  });
});
