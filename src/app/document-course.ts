import type { LoadedDocument, LoadedUnit } from '../config/document/loaded-document.ts';
import { asSidecarError } from '../model/error.ts';
import type { ServiceEnd, StopOrder } from '../service/service.ts';
import type { Course } from './course.ts';
import { changesBetween } from './document-changes.ts';
import { unitOf } from './document-plan.ts';
import { EXIT } from './outcome.ts';
import type { Plan } from './plan.ts';
import type { RunningProcess } from './running-process.ts';
import { statusRoutes } from './status-route.ts';
import { watchFiles } from './watch-files.ts';

export interface DocumentCourseOptions {
  readonly document: LoadedDocument;
  /** Reads the document again. @throws SidecarError when it is not valid */
  readonly load: () => LoadedDocument;
}

/** Keeps all units of a document going, each for itself, and follows the document when it changes. */
export class DocumentCourse implements Course {
  readonly #options: DocumentCourseOptions;
  #document: LoadedDocument;
  #loadedAt = 0;
  #trouble: string | undefined;
  #running: RunningProcess | undefined;
  #signal = AbortSignal.abort();
  #queue: Promise<void> = Promise.resolve();

  constructor(options: DocumentCourseOptions) {
    this.#options = options;
    this.#document = options.document;
  }

  async run({ units, http }: Plan, running: RunningProcess, signal: AbortSignal): Promise<ServiceEnd> {
    this.#running = running;
    this.#signal = signal;
    this.#loadedAt = running.clock.now();
    for (const secret of this.#document.secrets) running.redactor.add(secret);
    running.announce(running.log, { document: this.#document.path, units: units.length });
    for (const unit of units) running.add(unit);
    await this.#serve(http);
    for (const life of running.lives.values()) life.keep(signal);
    const { clock } = running;
    await watchFiles({ files: () => this.#document.files, clock, signal, onChange: () => this.#enqueue() });
    await this.#queue;
    return { status: EXIT.ok };
  }

  /** SIGHUP. */
  reload = (): void => void this.#enqueue();

  /** One after the other. */
  #enqueue(): Promise<void> {
    this.#queue = this.#queue.then(async () => {
      await this.#follow().catch((error: unknown) =>
        this.#running?.log.error(error, 'the document cannot be followed'),
      );
    });
    return this.#queue;
  }

  async #serve(http: Plan['http']): Promise<void> {
    const running = this.#running;
    if (!running) return;
    const about = (): Record<string, unknown> => ({
      document: this.#document.path,
      loaded: new Date(this.#loadedAt).toISOString(),
      ...(this.#trouble !== undefined && { trouble: this.#trouble }),
    });
    const redact = (value: unknown): unknown => running.redactor.redactAll(value);
    await running.serve(http, statusRoutes({ lives: running.lives, about, redact }));
  }

  #read(): LoadedDocument | undefined {
    try {
      return this.#options.load();
    } catch (error) {
      const failure = asSidecarError(error, 'read the document');
      this.#trouble = `${failure.code}: ${failure.detail}`;
      this.#running?.log.error(failure, 'the document has changed and is not valid: everything stays as it was');
      return undefined;
    }
  }

  async #follow(): Promise<void> {
    const running = this.#running;
    if (!running || this.#signal.aborted) return;
    const before = this.#document;
    const after = this.#read();
    if (!after) return;
    for (const secret of after.secrets) running.redactor.add(secret);
    const { removed, changed, added, unchanged } = changesBetween(before, after);
    this.#document = after;
    this.#loadedAt = running.clock.now();
    const list = (names: readonly string[]): string => names.join(' ');
    const facts = { removed: list(removed), changed: list(changed), added: list(added), unchanged: unchanged.length };
    const isNews = removed.length + changed.length + added.length > 0 || this.#trouble !== undefined;
    this.#trouble = undefined;
    running.log.info(isNews ? 0 : 1, 'the document was read again', facts);
    this.#warnOfLateSettings(before, after);
    const endpoint = JSON.stringify([before.http, running.needs]);
    await this.#end([...removed, ...changed], removed);
    const isNew = ({ name }: LoadedUnit): boolean => changed.includes(name) || added.includes(name);
    const lives = after.units.filter(isNew).map((unit) => running.add(unitOf(unit)));
    if (JSON.stringify([after.http, running.needs]) !== endpoint) await this.#moveEndpoint(before, after);
    for (const life of lives) life.keep(this.#signal);
  }

  async #end(names: readonly string[], removed: readonly string[]): Promise<void> {
    const running = this.#running;
    const order: StopOrder = { signal: undefined, hurry: this.#signal };
    // What works with what another one makes ends first.
    const isRun = (name: string): boolean => running?.lives.get(name)?.unit.kind === 'run';
    for (const group of [names.filter(isRun), names.filter((name) => !isRun(name))])
      await Promise.all(
        group.map(async (name) => {
          if (removed.includes(name)) await running?.remove(name, order);
          else await running?.end(name, order);
        }),
      );
  }

  async #moveEndpoint(before: LoadedDocument, after: LoadedDocument): Promise<void> {
    try {
      await this.#serve(after.http);
    } catch (error) {
      this.#running?.log.error(error, 'the new address cannot be served: the former one is kept');
      this.#document = { ...after, http: before.http };
      await this.#serve(before.http);
    }
  }

  #warnOfLateSettings(before: LoadedDocument, after: LoadedDocument): void {
    const late = (['log', 'process'] as const).filter(
      (each) => JSON.stringify(before[each]) !== JSON.stringify(after[each]),
    );
    for (const section of late) this.#running?.log.warn(`a change of \`${section}\` takes effect at the next start`);
  }
}
