import { boot } from '../app/boot.ts';
import { DocumentCourse } from '../app/document-course.ts';
import { planOf } from '../app/document-plan.ts';
import { EXIT } from '../app/outcome.ts';
import { explainDocument } from '../config/document/explain-document.ts';
import { loadDocument } from '../config/document/load-document.ts';
import type { LoadedDocument } from '../config/document/loaded-document.ts';
import { checkOf, documentOf } from '../config/requests.ts';
import type { Call } from './perform.ts';

function describe({ path, units, notices }: LoadedDocument): string {
  const lines = units.map(({ kind, name }) => `  ${kind.padEnd(5)}  ${name}\n`);
  return `${path} is valid:\n${lines.join('')}${notices.map((notice) => `note: ${notice}\n`).join('')}`;
}

/** `git-sidecar up --explain`. */
export function explainUp({ loaded, env }: Call): string {
  return explainDocument(loadDocument(documentOf(loaded), env));
}

/** `git-sidecar up`. Returns the exit status. */
export async function startUp({ loaded, env, io }: Call): Promise<number> {
  const path = documentOf(loaded);
  const load = (): LoadedDocument => loadDocument(path, env);
  const document = load();
  if (checkOf(loaded)) {
    io.stdout(describe(document));
    return EXIT.ok;
  }
  io.writeLastErrorTo?.(document.process.terminationLog);
  return await boot(planOf(document), io, new DocumentCourse({ document, load }));
}
