import type { OptionDefinition } from './option.ts';
import { OPTIONS } from './options.ts';

const JSON_TYPES = {
  string: 'string',
  duration: 'string',
  int: 'integer',
  float: 'number',
  bool: 'boolean',
  list: 'array',
  repeat: 'array',
} as const;

function property(option: OptionDefinition): Record<string, unknown> {
  const type = JSON_TYPES[option.type];
  return {
    type,
    ...(type === 'array' && { items: { type: 'string' } }),
    description: option.doc,
    ...(option.default !== '' && { default: option.default }),
    ...(option.replacedBy !== undefined && { deprecated: true }),
    'x-env': option.env.length > 0 ? option.env : option.v3Env ? [option.v3Env] : [],
  };
}

/** A JSON schema of the options, by flag name, for editors and charts. */
export function renderSchema(): Record<string, unknown> {
  const listed = OPTIONS.filter((option) => !option.hidden);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Options of git-sidecar sync',
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(listed.map((option) => [option.name, property(option)])),
  };
}
