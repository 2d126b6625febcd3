import { createHash } from 'node:crypto';
import { accessSync, constants, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { Script } from 'node:vm';
import { keepEngineModest, letEngineGrow } from '../platform/engine.ts';
import { codeCacheOf } from './code-cache.ts';

type Program = (exports: object, require: NodeJS.Require, module: object, file: string, directory: string) => void;

/** The build ends each bundle with a comment that holds its SHA-256. */
const DIGEST_LENGTH = 64;

function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** @returns the code; undefined where there is none, or one of another bundle, or a damaged one: V8 would crash on it */
function read(path: string, identity: string): Buffer | undefined {
  try {
    const bytes = readFileSync(path);
    const code = bytes.subarray(2 * DIGEST_LENGTH);
    return bytes.toString('latin1', 0, 2 * DIGEST_LENGTH) === identity + digestOf(code) ? code : undefined;
  } catch {
    return undefined;
  }
}

/** In one step, and only where we may: a program without a cache is slower, nothing else. */
function write(path: string, identity: string, code: Buffer): void {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}`);
  try {
    accessSync(dirname(path), constants.W_OK);
    const head = Buffer.from(identity + digestOf(code), 'latin1');
    writeFileSync(temporary, Buffer.concat([head, code]), { flag: 'wx', mode: 0o644 });
    renameSync(temporary, path);
  } catch {
    try {
      unlinkSync(temporary);
    } catch {
      // It was not made.
    }
  }
}

/**
 * Runs the bundle beside this file, with V8's code cache where there is one: then the engine need not read 600 KB of
 * text before it starts. A cache of another runtime is not used; one of another bundle is replaced when the process
 * ends, with the functions that it used.
 */
function run(file: string): void {
  const program = file.replace(/\.cjs$/, '');
  const bundle = `${program}.bundle.js`;
  const text = readFileSync(bundle, 'latin1');
  const identity = text.slice(-DIGEST_LENGTH);
  const cache = codeCacheOf(program);
  const cachedData = read(cache, identity);
  const script = new Script(text, { filename: bundle, cachedData });
  if (!cachedData)
    process.once('exit', () => {
      // The cache is for the options of a process that begins.
      letEngineGrow();
      write(cache, identity, script.createCachedData());
    });
  const start = script.runInThisContext() as Program;
  start({}, createRequire(bundle), { exports: {} }, bundle, dirname(bundle));
  keepEngineModest();
}

run(__filename);
