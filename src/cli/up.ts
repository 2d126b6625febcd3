import { boot } from '../app/boot.ts';
import { DocumentCourse } from '../app/document-course.ts';
import { type AddSecrets, planOf } from '../app/document-plan.ts';
import { EXIT, type Io } from '../app/outcome.ts';
import { explainDocument } from '../config/document/explain-document.ts';
import { loadDocument } from '../config/document/load-document.ts';
import type { EnvironmentVariables } from '../config/settings.ts';
import { SidecarError } from '../model/error.ts';
import { redactUrl } from '../platform/redact.ts';
import { addSecrets } from './secrets.ts';

const USAGE = `usage: git-sidecar up FILE [--check | --explain]

Runs all that FILE describes, and follows the file when it changes.

  --check     says whether FILE is valid, and runs nothing
  --explain   prints every option in force and where it comes from

docs/document.md tells what FILE may hold.
`;

const secrets: AddSecrets = (redactor, unit) => {
  if (unit.kind !== 'run') addSecrets(redactor, unit.config);
};

function refuse(error: SidecarError, io: Io): number {
  const text = redactUrl(`${error.detail}\n${error.code}: ${error.hint}\n`);
  io.onError?.(text);
  io.stderr(text);
  return EXIT.failure;
}

/** `git-sidecar up`. Returns the exit status. */
export async function upCommand(argv: readonly string[], env: EnvironmentVariables, io: Io): Promise<number> {
  const flags = argv.filter((word) => word.startsWith('-'));
  const [path, ...more] = argv.filter((word) => !word.startsWith('-'));
  if (flags.includes('--help') || flags.includes('-h')) {
    io.stdout(USAGE);
    return EXIT.ok;
  }
  if (path === undefined || more.length > 0 || flags.some((flag) => flag !== '--check' && flag !== '--explain')) {
    io.stderr(USAGE);
    return EXIT.usage;
  }
  const load = () => loadDocument(path, env);
  try {
    const document = load();
    if (flags.includes('--explain')) io.stdout(explainDocument(document));
    if (flags.includes('--check')) {
      for (const notice of document.notices) io.stderr(`WARNING: ${redactUrl(notice)}\n`);
      io.stdout(`${path} is valid: ${document.units.map(({ kind, name }) => `${kind} ${name}`).join(', ')}\n`);
    }
    if (flags.length > 0) return EXIT.ok;
    io.writeLastErrorTo?.(document.process.terminationLog);
    return await boot(planOf(document, secrets), io, new DocumentCourse({ document, load, secrets }));
  } catch (error) {
    if (error instanceof SidecarError) return refuse(error, io);
    throw error;
  }
}
