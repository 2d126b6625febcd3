import type { SignersRule } from '../config/sync-config.ts';
import { compileGlob } from '../platform/glob.ts';
import type { Signer } from './signer.ts';

const SYNTAX = { least: 1, questionMark: true } as const;

/** Fingerprints are compared without spaces and colons, in either case. */
function normal(name: string): string {
  const bare = name.replace(/[\s:]/g, '');
  return /^[0-9a-f]{40,64}$/i.test(bare) ? bare.toUpperCase() : name.trim();
}

/** The signer may sign for the ref. Without any rule everybody may whose key is known; a ref that no rule matches nobody. */
export function mayGiveOut(rules: readonly SignersRule[], ref: string, { names }: Signer): boolean {
  if (rules.length === 0) return true;
  const own = new Set(names.map(normal));
  return rules.some(
    (rule) =>
      compileGlob(rule.pattern, SYNTAX)(ref) && rule.names.some((name) => name === '*' || own.has(normal(name))),
  );
}
