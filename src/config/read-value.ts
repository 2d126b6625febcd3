import { parseDecimalInt, parseGoBool, parseGoDuration, parseGoFloat, parseGoInt } from './go-values.ts';
import type { OptionType } from './option.ts';
import { parseSize } from './size.ts';

/** A value as the program uses it: durations are milliseconds, sizes bytes. */
export type OptionValue = string | number | boolean | readonly string[];

/** Go's name of a type in its messages. */
export function typeWord(type: OptionType): string {
  if (type === 'float') return 'float';
  if (type === 'list' || type === 'repeat') return 'string';
  return type;
}

/** The value that `text` spells for an option of `type`; undefined when it is malformed. */
export function readValue(type: OptionType, text: string, decimalOnly = false): OptionValue | undefined {
  switch (type) {
    case 'string':
      return text;
    case 'int':
      return decimalOnly ? parseDecimalInt(text) : parseGoInt(text);
    case 'float':
      return parseGoFloat(text);
    case 'bool':
      return parseGoBool(text);
    case 'duration':
      return parseGoDuration(text);
    case 'size':
      return parseSize(text);
    case 'list':
    case 'repeat':
      return [text];
  }
}
