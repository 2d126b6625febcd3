import { Composer, isAlias, isMap, isScalar, isSeq, Lexer, Parser } from 'yaml';

/**
 * What we use of the `yaml` library. It is a bundle of its own (scripts/build.js), read by `git-sidecar up` only, because
 * a program's text stays in memory.
 */
export const yaml = { Composer, Lexer, Parser, isAlias, isMap, isScalar, isSeq };
