import { OWN_KEYS } from './own-keys.ts';
import {
  choicesOf,
  DEFAULT_ROWS,
  documentDefault,
  type Row,
  SECTION_NAMES,
  sectionKey,
  sectionRows,
  UNIT_KINDS,
  type UnitKind,
  unitRows,
} from './rows.ts';

type Schema = Readonly<Record<string, unknown>>;

/** A text in which the value is put in later. */
const LATER = '\\$\\{|^file:';
const NUMBER_IN_TEXT = '^[+-]?[0-9][0-9a-zA-Z_.]*$';
const DURATION = '^[+-]?(?:0|(?:[0-9]+\\.?[0-9]*|\\.[0-9]+)(?:ns|us|µs|ms|s|m|h))+$';

/** Go's words. */
const BOOL_WORDS = '^(?:1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$';

function text(pattern: string): Schema {
  return { type: 'string', pattern: `${pattern}|${LATER}` };
}

const SCALAR: Schema = { type: ['string', 'number', 'boolean'] };

/** What may stand as the value of `row`. Numbers are texts too: `ref: 1.10` is what it looks like. */
function valueSchema(row: Row): Schema {
  const choices = choicesOf(row);
  if (choices) return { anyOf: [{ enum: choices }, { type: 'string', pattern: LATER }] };
  switch (row.type) {
    case 'string':
      return SCALAR;
    case 'list':
    case 'repeat':
      return { anyOf: [SCALAR, { type: 'array', items: SCALAR }] };
    case 'bool':
      return { anyOf: [{ type: 'boolean' }, { enum: [0, 1] }, text(BOOL_WORDS)] };
    case 'int':
      return { anyOf: [{ type: 'integer' }, text(NUMBER_IN_TEXT)] };
    case 'float':
      return { anyOf: [{ type: 'number' }, text(NUMBER_IN_TEXT)] };
    case 'size':
      return { anyOf: [{ type: 'integer', minimum: 0 }, text('^[0-9]+(?:Ki|Mi|Gi|Ti)?$')] };
    case 'duration':
      return { anyOf: [text(DURATION), { const: 0 }] };
  }
}

function defaultOf(row: Row): string | boolean | number | undefined {
  const { type } = row;
  const fallback = documentDefault(row);
  if (fallback === '') return undefined;
  if (type === 'bool') return fallback === 'true';
  return type === 'int' || type === 'float' ? Number(fallback) : fallback;
}

function property(row: Row): Schema {
  const fallback = defaultOf(row);
  return {
    description: row.doc,
    ...valueSchema(row),
    ...(fallback !== undefined && { default: fallback }),
    ...(row.secret !== undefined && row.secret !== 'name' && { writeOnly: true }),
    ...(row.replacedBy !== undefined && { deprecated: true }),
  };
}

function properties(rows: readonly Row[], keyOf: (row: Row) => string = ({ name }) => name): Schema {
  return Object.fromEntries(rows.map((row) => [keyOf(row), { $ref: `#/$defs/${row.name}` }]));
}

const EVERY_ROW: readonly Row[] = [...SECTION_NAMES.flatMap(sectionRows), ...DEFAULT_ROWS];

const OWN: Readonly<Record<string, Schema>> = {
  name: {
    description: 'What the unit is called in URLs, metrics and logs; unique in the document.',
    type: 'string',
    pattern: '^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$|\\$\\{',
  },
  group: {
    description:
      'Syncs with the same group become visible together: all are built first, then their links are switched.',
    type: 'string',
    pattern: '^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$|\\$\\{',
  },
  from: { description: 'The sync of this document that the run follows.', type: 'string' },
  command: {
    description:
      'The command and its arguments, or a line for the shell. Without one the directory of `into` is a mirror.',
    anyOf: [{ type: 'string' }, { type: 'array', items: SCALAR, minItems: 1 }],
  },
};

/** What `--rollouts` names a file of may stand in the document: the lists of that file. */
const ENTRIES: Schema = { type: 'array', items: { type: 'object', required: ['name'] } };
const ROLLOUT_LISTS: Schema = {
  rollouts: {
    description: 'Policies (docs/rollouts.md), or the path of a file with them.',
    anyOf: [{ $ref: '#/$defs/rollouts' }, ENTRIES],
  },
  decider: {
    description: 'The relay that decides, of several without NATS (docs/rollouts.md), beside a list of rollouts.',
    type: 'object',
    required: ['name', 'url'],
  },
  answers: { description: 'Commit statuses (docs/answers.md), beside a list of rollouts.', ...ENTRIES },
  notifications: { description: 'Who gets to know of rollouts (docs/answers.md), beside a list of them.', ...ENTRIES },
};

function unit(kind: UnitKind): Schema {
  return {
    type: 'object',
    additionalProperties: false,
    required: ['name'],
    properties: {
      ...Object.fromEntries(OWN_KEYS[kind].flatMap((key) => (OWN[key] ? [[key, OWN[key]]] : []))),
      ...properties(unitRows(kind)),
      ...(kind === 'relay' && ROLLOUT_LISTS),
    },
  };
}

const STORE: Schema = {
  description: 'The directory where syncs of one repository share their objects; without it each has its own.',
  type: 'string',
};

const ABOUT: Readonly<Record<UnitKind, string>> = {
  sync: 'Directories that follow a ref.',
  run: 'Processes that follow a directory.',
  relay: 'Fleets that follow one client.',
};

/** The JSON schema (2020-12) of a document, for editors and charts. `<<` and anchors are YAML’s and not in it. */
export function renderDocumentSchema(): Record<string, unknown> {
  const sections = SECTION_NAMES.map((section) => [
    section,
    {
      type: ['object', 'null'],
      additionalProperties: false,
      properties: properties(sectionRows(section), (row) => sectionKey(section, row)),
    },
  ]);
  const defaults = { type: ['object', 'null'], additionalProperties: false, properties: properties(DEFAULT_ROWS) };
  const units = UNIT_KINDS.map((kind) => [
    kind,
    { description: ABOUT[kind], type: ['array', 'null'], items: unit(kind) },
  ]);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Document of git-sidecar up',
    type: 'object',
    additionalProperties: false,
    $defs: Object.fromEntries(EVERY_ROW.map((row) => [row.name, property(row)])),
    properties: { ...Object.fromEntries(sections), store: STORE, defaults, ...Object.fromEntries(units) },
  };
}
