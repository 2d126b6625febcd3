import { closeSync, openSync, readdirSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Git } from '../../../../src/git/git.ts';
import { DiskRoom } from '../../../../src/relay/server/git/disk-room.ts';
import { PackAnswers } from '../../../../src/relay/server/git/pack-answers.ts';
import { keyOf, type PackQuestion } from '../../../../src/relay/server/git/pack-question.ts';
import type { Spool } from '../../../../src/relay/server/git/spool.ts';
import { noPace } from '../../../kit/no-pace.ts';
import { silentLog } from '../../../kit/silent-log.ts';
import { tempDir } from '../../../kit/temp.ts';
import { until } from '../../../peers/wait.ts';

interface Run {
  readonly body: string;
  readonly signal: AbortSignal | undefined;
  write(text: string): Promise<void>;
  end(code: number): void;
}

/** A whole answer of protocol v2 without a pack, of about so many bytes. */
const wholeAnswer = (bytes = 0): string => {
  const line = `03e8${'x'.repeat(995)}\n`;
  return `0014acknowledgments\n${line.repeat(Math.ceil(bytes / 1000))}0000`;
};

function flip(path: string, at: number): void {
  const file = openSync(path, 'r+');
  writeSync(file, '!', at);
  closeSync(file);
}

/** A git whose answers the test writes, and answers that use it. */
function setUp(limits: Partial<ConstructorParameters<typeof PackAnswers>[0]> = {}) {
  const runs: Run[] = [];
  const failures: string[] = [];
  const git: Git = {
    started: 0,
    run: (_args, { stdin, stdoutSink, signal }) =>
      new Promise((resolve, reject) => {
        signal?.addEventListener('abort', () => reject(new Error('it was interrupted')));
        runs.push({
          body: String(stdin),
          signal,
          write: async (text) => await stdoutSink?.(Buffer.from(text)),
          end: (code) => resolve({ code, stdout: '', bytes: Buffer.alloc(0), stderr: '', truncated: false }),
        });
      }),
  };
  const directory = join(tempDir(), 'answers');
  const disk: DiskRoom = new DiskRoom({ directory, log: silentLog, onLow: () => void answers.makeRoom() });
  const options = {
    ...{ git, directory, disk, log: silentLog, mostBytes: 1e9, mostBytesInMemory: 1e9, mostAtOnce: 4 },
    ...{ mostWaiting: 100, mostFlowing: 3, timeoutMs: 10_000, lingerMs: 50, pace: noPace() },
    onFailure: (gitDir: string) => failures.push(gitDir),
  };
  const answers: PackAnswers = new PackAnswers({ ...options, ...limits });
  const question = (key: string, more: Partial<PackQuestion> = {}): PackQuestion => ({
    ...{
      owner: 'one',
      gitDir: '/m',
      scope: ['r'],
      body: Buffer.from(key),
      protocol: 2,
      objectFormat: 'sha1',
      isDone: false,
    },
    isToBlame: async () => false,
    ...more,
  });
  const read = async (answer: Spool): Promise<string> => {
    let text = '';
    for await (const chunk of answer.read()) text += chunk.toString();
    return text;
  };
  const settled = (): Promise<unknown> => new Promise((done) => setTimeout(done, 20));
  /** Asks, and is answered in full. */
  const answered = async (key: string, bytes: number): Promise<void> => {
    answers.ask(question(key));
    await settled();
    await runs.at(-1)?.write(wholeAnswer(bytes));
    runs.at(-1)?.end(0);
    await settled();
  };
  return { runs, failures, directory, disk, answers, question, read, settled, answered };
}

describe('answers to fetches', () => {
  test('a thousand equal questions, before, while and after, are one git process and one answer', async () => {
    const { runs, answers, question, read, settled } = setUp();
    await answers.open();
    const first = Array.from({ length: 500 }, () => read(answers.ask(question('q')).answer));
    await settled();
    await runs[0]?.write('0014acknowledgments\n');
    const later = Array.from({ length: 499 }, () => read(answers.ask(question('q')).answer));
    await runs[0]?.write('0008NAK\n0000');
    runs[0]?.end(0);
    const whole = '0014acknowledgments\n0008NAK\n0000';
    expect(new Set(await Promise.all([...first, ...later]))).toEqual(new Set([whole]));
    await settled();
    const { answer, source } = answers.ask(question('q'));
    expect(source).toBe('kept');
    expect(await read(answer)).toBe(whole);
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

  test('a refusal of what the mirror has to have is passed on but not kept, and makes it suspected', async () => {
    const { runs, failures, answers, question, read, settled } = setUp();
    await answers.open();
    const reading = read(answers.ask(question('q')).answer);
    await settled();
    await runs[0]?.write('0020ERR upload-pack: not our ref');
    runs[0]?.end(128);
    expect(await reading).toContain('not our ref');
    await settled();
    expect(answers.ask(question('q')).source).toBe('computed');
    expect(failures).toEqual(['/m']);
  });

  test('nonsense that makes git fail says nothing about the mirror', async () => {
    const { runs, failures, answers, question, settled } = setUp();
    await answers.open();
    answers.ask(question('q', { isToBlame: async () => true }));
    await settled();
    runs[0]?.end(128);
    await settled();
    expect(failures).toEqual([]);
  });

  test.each([
    ['nothing', ''],
    ['half a packet', '0014acknow'],
    ['no end', '0014acknowledgments\n'],
    ['no pack', '000dpackfile\n0000'],
    ['something behind its end', '0014acknowledgments\n00000000'],
    ['an error in its band', '000dpackfile\n000a\u0003fatal0000'],
  ])('an answer with %s is not kept, although git says that all is well', async (_what, text) => {
    const { runs, answers, question, settled } = setUp();
    await answers.open();
    answers.ask(question('q'));
    await settled();
    if (text !== '') await runs[0]?.write(text);
    runs[0]?.end(0);
    await settled();
    expect(answers.ask(question('q')).source).toBe('computed');
  });

  test.each([
    ['is shorter', 'shorter than it was', (path: string) => truncateSync(path, 70_000)],
    ['has another byte', 'does not hold what was written', (path: string) => flip(path, 80_000)],
  ])(
    'a kept answer whose file %s than it was is dropped, so that the next one is computed',
    async (_what, said, damage) => {
      const { answers, question, directory, read, answered } = setUp({ mostBytesInMemory: 0 });
      await answers.open();
      await answered('q', 100_000);
      damage(join(directory, readdirSync(directory)[0] ?? ''));
      const { answer, source } = answers.ask(question('q'));
      expect(source).toBe('kept');
      await expect(read(answer)).rejects.toThrow(said);
      expect(answers.ask(question('q')).source).toBe('computed');
    },
  );

  test('what is kept stays within its bounds; the answer that was used last stays longest', async () => {
    const { directory, answers, question, answered } = setUp({ mostBytes: 5_000_000 });
    await answers.open();
    for (const key of ['a', 'b', 'c']) {
      await answered(key, 2_000_000);
      answers.ask(question('a'));
    }
    await until('one of them went', () => answers.keptBytes < 4_100_000 && readdirSync(directory).length === 2);
    expect(answers.ask(question('a')).source).toBe('kept');
    expect(answers.ask(question('b')).source).toBe('computed');
    await answers.close();
    expect(() => readdirSync(directory)).toThrow('ENOENT');
  });

  test('so many git processes of one tenant at a time, so many questions that wait, and a refusal for more', async () => {
    const { runs, answers, question, settled } = setUp({ mostAtOnce: 3, mostWaiting: 4 });
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

describe('keys of answers', () => {
  const part = fc.string({ maxLength: 8, unit: fc.constantFrom('a', 'b', '\0', '0', '1', '\n') });
  const question = fc.record({
    gitDir: part,
    scope: fc.array(part, { maxLength: 3 }),
    body: part.map((text) => Buffer.from(text)),
    protocol: fc.constantFrom(0 as const, 2 as const),
  });

  test('two questions that differ in anything never have one key', () => {
    const complete = (each: Partial<PackQuestion>): PackQuestion => each as PackQuestion;
    const text = (each: Partial<PackQuestion>): string =>
      JSON.stringify([each.gitDir, each.scope, each.body?.toString('hex'), each.protocol]);
    fc.assert(
      fc.property(question, question, (a, b) => {
        expect(keyOf(complete(a)) === keyOf(complete(b))).toBe(text(a) === text(b));
      }),
      { numRuns: 5000 },
    );
  });
});

describe('readers that do not read', () => {
  test('an answer that nobody reads any more stops being computed; who comes back in time finds it', async () => {
    const { runs, answers, question, settled } = setUp({ lingerMs: 200 });
    await answers.open();
    const leave = async (): Promise<void> => {
      const gone = new AbortController();
      const reading = answers.ask(question('q')).answer.read(gone.signal);
      const first = reading.next();
      await settled();
      gone.abort();
      await first;
    };
    await leave();
    expect(answers.ask(question('q')).source).toBe('joined');
    await leave();
    expect(runs).toHaveLength(1);
    await until('git is ended', () => runs[0]?.signal?.aborted === true);
    expect(answers.ask(question('q')).source).toBe('computed');
  });

  test('one that waits for a process and that nobody reads any more gives up its place', async () => {
    const { runs, answers, question, settled } = setUp({ mostAtOnce: 1, lingerMs: 1 });
    await answers.open();
    answers.ask(question('1'));
    const gone = new AbortController();
    const reading = answers.ask(question('2')).answer.read(gone.signal).next();
    await settled();
    gone.abort();
    await reading;
    answers.ask(question('3'));
    await settled();
    runs[0]?.end(0);
    await until('the third has its turn', () => runs.length === 2);
    expect(runs[1]?.body).toBe('3');
  });

  test('what they hold is bounded: more goes past at their pace, in memory, and then there is a refusal', async () => {
    const { runs, directory, answers, question, settled } = setUp({ mostBytes: 3_500_000, mostAtOnce: 1 });
    await answers.open();
    const readers = [];
    for (const key of ['1', '2', '3']) {
      const reader = answers.ask(question(key)).answer.read();
      const first = reader.next();
      await until('git works', () => runs.length === readers.length + 1);
      const run = runs.at(-1);
      // The first one finds room; the others are held where there is none.
      const writing = (async () => {
        for (let n = 0; n < 40; n += 1) await run?.write(`${'x'.repeat(64_999)}\n`);
        run?.end(0);
      })();
      readers.push({ reader, writing, first: await first });
      await settled();
    }
    expect(answers.bytes).toBeLessThanOrEqual(3_000_000);
    expect(() => answers.ask(question('4'))).toThrow('readers hold');
    for (const { reader, writing, first } of readers) {
      let size = first.value?.length ?? 0;
      for await (const chunk of reader) size += chunk.length;
      await writing;
      expect(size).toBe(40 * 65_000);
    }
    await settled();
    expect(answers.ask(question('4')).source).toBe('computed');
    expect(readdirSync(directory).length).toBeLessThan(3);
  });
});

describe('tenants that share a relay', () => {
  test('readers of one that never read take neither room nor places from the fetches of another', async () => {
    const { runs, answers, question, read, settled } = setUp({ mostBytes: 4_000_000, mostFlowing: 4 });
    await answers.open();
    const idle = async (key: string): Promise<void> => {
      const before = runs.length;
      void answers.ask(question(key)).answer.read().next();
      await until('git works', () => runs.length > before);
      const run = runs.at(-1);
      // Nobody waits for it: the reader takes nothing more.
      void (async () => {
        for (let n = 0; n < 40; n += 1) await run?.write(`${'x'.repeat(64_999)}\n`);
      })().catch(() => undefined);
      await settled();
    };
    let refused: unknown;
    for (let n = 0; n < 20 && refused === undefined; n += 1) {
      try {
        await idle(`idle ${n}`);
      } catch (error) {
        refused = error;
      }
    }
    expect(String(refused)).toContain('readers hold');
    const { answer, source } = answers.ask(question('honest', { owner: 'another' }));
    expect(source).toBe('computed');
    const reading = read(answer);
    await until('its git works', () => runs.at(-1)?.body === 'honest');
    await runs.at(-1)?.write(wholeAnswer(200_000));
    runs.at(-1)?.end(0);
    expect(await reading).toBe(wholeAnswer(200_000));
    await settled();
    expect(answers.ask(question('honest')).source).toBe('kept');
  });

  test('one that asks for very much keeps no git process and no place in the line from another', async () => {
    const { runs, answers, question, settled } = setUp({ mostAtOnce: 6, mostWaiting: 20 });
    await answers.open();
    const ask = (owner: string, key: string): string => answers.ask(question(key, { owner })).source;
    expect(() => Array.from({ length: 100 }, (_, n) => ask('greedy', `g${n}`))).toThrow('wait for an answer');
    await settled();
    expect(runs).toHaveLength(4);
    expect(ask('another', 'a1')).toBe('computed');
    await settled();
    expect(runs.at(-1)?.body).toBe('a1');
    expect(ask('another', 'a2')).toBe('computed');
    runs[0]?.end(0);
    await settled();
    runs[1]?.end(0);
    await settled();
    expect(runs.map(({ body }) => body)).toContain('a2');
  });
});
