import { resolve } from 'node:path';
import { messageOf, systemCode } from '../../model/error.ts';
import { isOfTheImage } from '../environment.ts';
import { holdsSecret } from '../secrecy.ts';
import type { EnvironmentVariables } from '../settings.ts';
import { buildUnits } from './build-units.ts';
import { findClashes } from './clashes.ts';
import { draftUnits, readDefaults } from './draft-units.ts';
import { GivenReader, type GivenSetting } from './given.ts';
import { knownEntries } from './keys.ts';
import type { LoadedDocument } from './loaded-document.ts';
import { LineMap, parseYaml } from './parse-yaml.ts';
import { DocumentError, Problems, START } from './problems.ts';
import { type ReadFile, readSmallFile } from './read-file.ts';
import { Configurations, OPTION_VARIABLES, SECTION_NAMES, sectionRows, UNIT_KINDS } from './rows.ts';
import { readSections } from './sections.ts';
import { findStoreClashes, readStore } from './store.ts';
import { Texts } from './texts.ts';
import { makeTree, type TreeMap } from './tree.ts';

const LARGEST_DOCUMENT = 1024 * 1024;

export const TOP_KEYS: readonly string[] = [...SECTION_NAMES, 'store', 'defaults', ...UNIT_KINDS];

function readDocument(path: string, readFile: ReadFile): string {
  try {
    return readFile(path, LARGEST_DOCUMENT);
  } catch (error) {
    const text = `it cannot be read: ${systemCode(error) ?? messageOf(error)}`;
    throw new DocumentError('ERR_DOCUMENT_READ', path, [{ place: START, text }]);
  }
}

/** The mapping at the top of `text`. @throws DocumentError ERR_DOCUMENT_SYNTAX */
function readTop(path: string, text: string): TreeMap {
  const problems = new Problems(path);
  const places = new LineMap(text);
  const yaml = parseYaml(text, places, problems);
  const tree = yaml && makeTree(yaml, places, problems);
  if (tree && tree.kind !== 'map') problems.add(START, `a document has the keys ${TOP_KEYS.join(', ')}`);
  problems.throwIfAny('ERR_DOCUMENT_SYNTAX');
  if (tree?.kind === 'map') return tree;
  throw new Error('unreachable');
}

/** Variables whose values are secrets of the document: no child inherits them. */
function secretVariables(given: readonly GivenSetting[]): ReadonlySet<string> {
  return new Set(given.filter(({ option, value }) => holdsSecret(option, value)).flatMap(({ variables }) => variables));
}

function withoutVariables(env: EnvironmentVariables, names: ReadonlySet<string>): EnvironmentVariables {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !names.has(name)));
}

function unusedVariables(env: EnvironmentVariables, used: ReadonlySet<string>, path: string): string[] {
  return OPTION_VARIABLES.filter(
    (name) => env[name] !== undefined && !used.has(name) && !isOfTheImage(name, env[name]),
  ).map((name) => `${name} has no effect: write \${${name}} in ${path} where it is meant`);
}

/**
 * Reads and checks a document.
 * @param env for `${NAME}`, and what children inherit; variables of options are not read from it
 * @throws SidecarError ERR_DOCUMENT_READ, ERR_DOCUMENT_SYNTAX, ERR_DOCUMENT_INVALID; its detail lists what is wrong, with
 * file, line and column, and holds no value that may not be shown
 */
export function loadDocument(
  path: string,
  env: EnvironmentVariables,
  readFile: ReadFile = readSmallFile,
): LoadedDocument {
  const top = readTop(path, readDocument(path, readFile));
  const problems = new Problems(path);
  const texts = new Texts(path, env, readFile, problems);
  const reader = new GivenReader(path, texts, problems);
  knownEntries(top, TOP_KEYS, 'at the top of a document', problems);
  const sections = readSections(top, reader, env, problems);
  const store = readStore(top, texts, problems);
  const drafts = draftUnits(top, reader, readDefaults(top, reader, problems), problems);
  // What is among the defaults is in many units.
  const given = [...new Set([sections, ...drafts].flatMap((each) => [...each.given.values()]))];
  const hidden = secretVariables(given);
  // What is wrong with a section is said once, and not again for each unit.
  const configurations = new Configurations(withoutVariables(env, hidden));
  const parts = {
    sections: sections.config ? sections.given : new Map(),
    store: store?.directory,
    configurations,
    problems,
  };
  const units = buildUnits(sections.config ? drafts : drafts.filter(({ kind }) => kind !== 'relay'), parts);
  if (drafts.length === 0 && problems.count === 0) problems.add(START, 'the document has no sync, no run and no relay');
  findClashes(units, sections.config?.http, problems);
  if (store) findStoreClashes(store, units, problems);
  problems.throwIfAny('ERR_DOCUMENT_INVALID');
  if (!sections.config) throw new Error('unreachable');
  const used = new Set(given.flatMap(({ variables }) => variables));
  const secrets = given.filter(
    ({ option, value, isHidden }) => isHidden || option.secret === true || holdsSecret(option, value),
  );
  return {
    ...sections.config,
    path,
    units,
    store,
    settings: configurations.complete(SECTION_NAMES.flatMap(sectionRows), sections.given),
    notices: unusedVariables(env, used, path),
    files: [resolve(path), ...texts.files],
    secrets: [...new Set(secrets.flatMap(({ value }) => [value].flat().map(String)))].filter((text) => text !== ''),
  };
}
