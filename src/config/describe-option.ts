import type { CompatMode, OptionDefinition } from './option.ts';
import { describeRange } from './validation.ts';

/** The default as a mode has it; undefined where an empty text is the default. */
export function defaultFor(option: OptionDefinition, mode: CompatMode): string | undefined {
  const v3 = mode === 'v3.1' ? (option.v31Default ?? option.v3Default) : option.v3Default;
  return ((mode === 'v4' ? undefined : v3) ?? option.default) || undefined;
}

export function variablesFor(option: OptionDefinition, mode: CompatMode): readonly string[] {
  if (mode === 'v4') return option.env;
  return option.v3Env !== undefined ? [option.v3Env] : option.env.slice(0, 1);
}

function list(names: readonly string[], word: string): string {
  const flags = names.map((name) => `\`--${name}\``);
  return flags.length < 2 ? flags.join('') : `${flags.slice(0, -1).join(', ')} ${word} ${flags.at(-1)}`;
}

/**
 * What the row says about an option besides its prose: the allowed values, the range, which options it needs or
 * excludes.
 */
export function describeOption(option: OptionDefinition): string {
  const { alias, doc, choices, range, needs, excludes, detailOf } = option;
  const words = Object.entries(choices ?? {}).map(([word, text]) => `\`${word}\`${text === '' ? '' : ` (${text})`}`);
  const bounds = range && describeRange(range);
  return [
    doc,
    ...(alias === undefined ? [] : [`\`--${alias}\` is another name of it.`]),
    ...(choices ? [`One of ${words.slice(0, -1).join(', ')} and ${words.at(-1)}.`] : []),
    ...(bounds && bounds !== '0 or more' ? [`${bounds[0]?.toUpperCase()}${bounds.slice(1)}.`] : []),
    ...(needs ? [`Needs ${list(needs, 'or')}.`] : []),
    ...(excludes ? [`Not together with ${list(excludes, 'or')}.`] : []),
    ...(detailOf ? [`Has an effect only with ${list(detailOf, 'or')}.`] : []),
  ].join(' ');
}
