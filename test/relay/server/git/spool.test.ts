import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Spool } from '../../../../src/relay/server/git/spool.ts';
import { tempDir } from '../../../kit/temp.ts';

describe('a spool', () => {
  test('whose file cannot be written goes past those who read; nobody takes a part for the whole', async () => {
    const spool = new Spool({ path: join(tempDir(), 'missing', 'x'), mostInMemory: 4 });
    const read = async (): Promise<string> => {
      let text = '';
      for await (const chunk of spool.read()) text += chunk.toString();
      return text;
    };
    await spool.append(Buffer.from('abcd'));
    const early = read();
    await spool.append(Buffer.from('more than fits'));
    spool.finish();
    expect(await early).toBe('abcdmore than fits');
    await expect(read()).rejects.toThrow('are gone');
    await spool.dispose();
  });

  test('gives every reader all bytes, whether it comes early, in the middle or late, from memory and from disk', async () => {
    const directory = tempDir();
    const spool = new Spool({ path: join(directory, 'x'), mostInMemory: 1000 });
    const read = async (): Promise<string> => {
      let text = '';
      for await (const chunk of spool.read()) text += chunk.toString();
      return text;
    };
    const early = read();
    const pieces = Array.from({ length: 40 }, (_, index) => `${index}:${'x'.repeat(index * 7)};`);
    for (const piece of pieces.slice(0, 20)) await spool.append(Buffer.from(piece));
    const middle = read();
    for (const piece of pieces.slice(20)) await spool.append(Buffer.from(piece));
    spool.finish();
    const whole = pieces.join('');
    expect(await early).toBe(whole);
    expect(await middle).toBe(whole);
    expect(await read()).toBe(whole);
    expect(spool.inMemory).toBeLessThanOrEqual(1000);
    expect(readdirSync(directory)).toEqual(['x']);
    await spool.dispose();
    expect(readdirSync(directory)).toEqual([]);
  });

  test('one that breaks off never looks whole', async () => {
    const spool = new Spool({ path: join(tempDir(), 'x'), mostInMemory: 1000 });
    await spool.append(Buffer.from('half'));
    const reading = (async () => {
      for await (const _ of spool.read());
    })();
    spool.fail(new Error('broke off'));
    await expect(reading).rejects.toThrow('broke off');
  });

  test('a reader that is under way keeps the file until it is done', async () => {
    const directory = tempDir();
    const spool = new Spool({ path: join(directory, 'x'), mostInMemory: 0 });
    await spool.append(Buffer.alloc(200_000, 'a'));
    spool.finish();
    const reader = spool.read();
    let size = (await reader.next()).value?.length ?? 0;
    await spool.dispose();
    for await (const chunk of reader) size += chunk.length;
    expect(size).toBe(200_000);
    expect(readdirSync(directory)).toEqual([]);
  });

  test('gives all of a small answer in one piece when it is complete, and never while somebody reads its pieces', async () => {
    const spool = new Spool({ path: join(tempDir(), 'x'), mostInMemory: 1000 });
    await spool.append(Buffer.from('one, '));
    expect(spool.small).toBeUndefined();
    await spool.append(Buffer.from('two'));
    const reader = spool.read();
    const first = await reader.next();
    spool.finish();
    expect(spool.small).toBeUndefined();
    let text = String(first.value);
    for await (const chunk of reader) text += chunk.toString();
    expect(text).toBe('one, two');
    expect(spool.small?.toString()).toBe('one, two');
    expect(spool.size).toBe(8);
    let again = '';
    for await (const chunk of spool.read()) again += chunk.toString();
    expect(again).toBe('one, two');
    await spool.dispose();
    expect(spool.small).toBeUndefined();
  });

  test('gives nothing in one piece of an answer that broke off, or that is on disk', async () => {
    const broken = new Spool({ path: join(tempDir(), 'x'), mostInMemory: 1000 });
    await broken.append(Buffer.from('half'));
    broken.fail(new Error('broke off'));
    expect(broken.small).toBeUndefined();
    const onDisk = new Spool({ path: join(tempDir(), 'x'), mostInMemory: 4 });
    await onDisk.append(Buffer.from('more than fits'));
    onDisk.finish();
    expect(onDisk.small).toBeUndefined();
    await onDisk.dispose();
  });
});
