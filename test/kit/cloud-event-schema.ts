/** RFC 3339, 5.6. */
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string' && value !== '';
const isUri: Check = (value) => isText(value) && URL.canParse(String(value), 'http://base.example');

/** CloudEvents 1.0, "Context Attributes". */
const REQUIRED: Readonly<Record<string, Check>> = {
  id: isText,
  source: isUri,
  specversion: (value) => value === '1.0',
  type: isText,
};
const OPTIONAL: Readonly<Record<string, Check>> = {
  datacontenttype: (value) => isText(value) && /^[\w.+-]+\/[\w.+-]+(?:;.*)?$/.test(String(value)),
  dataschema: (value) => isText(value) && URL.canParse(String(value)),
  subject: isText,
  time: (value) => isText(value) && TIMESTAMP.test(String(value)) && !Number.isNaN(Date.parse(String(value))),
};

/** What is wrong with an event in the JSON format of CloudEvents 1.0; `data` is any JSON value. */
export function faultsOfEvent(event: unknown): string[] {
  if (typeof event !== 'object' || event === null) return ['it is no object'];
  const attributes = Object.entries(event).filter(([name]) => name !== 'data');
  const missing = Object.keys(REQUIRED).filter((name) => !(name in event));
  return [
    ...missing.map((name) => `${name} is missing`),
    ...attributes.flatMap(([name, value]) => {
      const check = { ...REQUIRED, ...OPTIONAL }[name];
      if (!/^[a-z0-9]+$/.test(name)) return [`${name} is no name of an attribute`];
      if (!check) return ['string', 'number', 'boolean'].includes(typeof value) ? [] : [`${name} is no extension`];
      return check(value) ? [] : [`${name} cannot be ${JSON.stringify(value)}`];
    }),
  ];
}
