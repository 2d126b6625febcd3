import { describeOption } from './describe-option.ts';
import type { OptionDefinition } from './option.ts';
import { OPTIONS } from './options.ts';

const JSON_TYPES = {
  string: 'string',
  duration: 'string',
  size: 'string',
  int: 'integer',
  float: 'number',
  bool: 'boolean',
  list: 'array',
  repeat: 'array',
} as const;

/** The schema of one option's value. */
function property(option: OptionDefinition): Record<string, unknown> {
  const { choices, range, secret } = option;
  const type = JSON_TYPES[option.type];
  const isNumber = type === 'integer' || type === 'number';
  return {
    type,
    ...(type === 'array' && { items: { type: 'string' } }),
    description: describeOption(option),
    ...(option.default !== '' && { default: option.default }),
    ...(choices && { enum: Object.keys(choices) }),
    ...(range && isNumber && { minimum: Number(range.least) }),
    ...(range?.most !== undefined && isNumber && { maximum: Number(range.most) }),
    ...(secret && secret !== 'name' && { writeOnly: true }),
    ...(option.replacedBy !== undefined && { deprecated: true }),
    'x-env': option.env.length > 0 ? option.env : option.v3Env ? [option.v3Env] : [],
    'x-commands': option.commands,
  };
}

/** A JSON schema of the options, by flag name, for editors and charts. */
export function renderSchema(): Record<string, unknown> {
  const listed = OPTIONS.filter((option) => !option.hidden);
  // A switch that is off needs nothing.
  const needs = listed.flatMap(({ name, type, needs: [other, ...more] = [] }) =>
    other === undefined || more.length > 0 || type === 'bool' ? [] : [[name, [other]] as const],
  );
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Options of git-sidecar',
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(listed.map((option) => [option.name, property(option)])),
    dependentRequired: Object.fromEntries(needs),
  };
}
