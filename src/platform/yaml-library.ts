import { Composer, isAlias, isMap, isScalar, isSeq, Lexer, Parser, parse } from 'yaml';

/**
 * What we use of the `yaml` library. It is a bundle of its own (scripts/build.js), read only where a document or a file
 * of credentials is YAML, because a program's text stays in memory.
 */
export const yaml = { Composer, Lexer, Parser, isAlias, isMap, isScalar, isSeq, parse };
