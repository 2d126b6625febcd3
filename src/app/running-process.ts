import { withoutDefaultCertificates } from '../config/process-input.ts';
import type { HttpConfig } from '../config/sync-config.ts';
import { messageOf } from '../model/error.ts';
import type { Clock, Random } from '../platform/clock.ts';
import type { Route } from '../platform/http-route.ts';
import { Leases } from '../platform/leases.ts';
import type { LogFields, Logger } from '../platform/log.ts';
import { createProcessRunner } from '../platform/process/runner.ts';
import type { Redactor } from '../platform/redact.ts';
import { VERSION } from '../platform/version.ts';
import type { Metrics } from '../serve/metrics.ts';
import type { HttpServer } from '../serve/server.ts';
import type { Ambient, Terminal } from '../service/ambient.ts';
import type { Service, StopOrder } from '../service/service.ts';
import { openEndpoint } from './endpoint.ts';
import type { Logs, UnitLog } from './logs.ts';
import type { EndpointNeeds, Plan, Unit } from './plan.ts';
import { Publishers } from './publishers.ts';
import { Rest } from './rest.ts';
import { UnitLife } from './unit-life.ts';

export interface ProcessParts {
  readonly plan: Plan;
  readonly log: Logger;
  readonly logs: Logs;
  readonly redactor: Redactor;
  readonly metrics: Metrics | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly terminal: Terminal;
}

/** The units of a process, and what they share. */
export class RunningProcess {
  readonly log: Logger;
  readonly clock: Clock;
  readonly redactor: Redactor;
  /** In the order in which they were added. */
  readonly lives = new Map<string, UnitLife>();
  readonly #parts: ProcessParts;
  readonly #publishers = new Publishers();
  readonly #leases = new Leases();
  readonly #rest: Rest;
  #server: HttpServer | undefined;
  /** Of units that answer at an address of their own. */
  readonly #ownServers = new Map<string, HttpServer>();
  #isAnnounced = false;

  constructor(parts: ProcessParts) {
    this.#parts = parts;
    this.log = parts.log;
    this.clock = parts.clock;
    this.redactor = parts.redactor;
    this.#rest = new Rest(parts.clock);
  }

  get services(): ReadonlyMap<string, Service> {
    return new Map([...this.lives].map(([name, { service }]) => [name, service]));
  }

  /** Takes a unit in; nothing of it is opened. */
  add(unit: Unit): UnitLife {
    const { redactor, clock, logs } = this.#parts;
    for (const { text, user } of unit.secrets) redactor.add(text, user);
    const own = logs.of(unit);
    const life = new UnitLife({ unit, clock, log: own.log, open: async () => await this.#open(unit, own) });
    this.lives.set(unit.name, life);
    return life;
  }

  async #open(unit: Unit, { log, errorFile }: UnitLog): Promise<Service> {
    const { plan, metrics, clock, random, redactor, terminal } = this.#parts;
    const ambient: Ambient = {
      ...{ clock, random, log, redactor, terminal },
      leases: this.#leases,
      runner: createProcessRunner(),
      metrics: plan.hasUnits ? metrics?.unit(unit.name) : metrics?.whole,
      withoutDefaults: plan.ownCertificates ? withoutDefaultCertificates : undefined,
    };
    const announce = (facts: LogFields): void => this.announce(log, facts);
    const onSuccess = async (): Promise<void> => {
      await errorFile?.remove().catch((error: unknown) => log.warn(`the error file stays: ${messageOf(error)}`));
    };
    const find = (name: string) => this.#publishers.find(name);
    const service = await unit.open({ ambient, announce, onSuccess, find });
    this.#publishers.attach(unit.name, service.publisher);
    service.publisher?.onPublish(() => this.#rest.noteWork());
    if (unit.ownHttp) await this.#serveAlone(unit, unit.ownHttp, service);
    else if (this.#server) service.onServing?.(this.#server);
    return service;
  }

  async #serveAlone({ name, needs = {} }: Unit, http: HttpConfig, service: Service): Promise<void> {
    const { metrics, clock, log } = this.#parts;
    const redact = this.#redact;
    const answering = (): Service[] => [service];
    const services = (): ReadonlyMap<string, Service> => new Map([[name, service]]);
    await this.#ownServers.get(name)?.close();
    try {
      const address = { http, metrics, services, answering, needs, hasUnits: false, routes: [], redact, clock, log };
      const server = await openEndpoint(address);
      this.#ownServers.set(name, server);
      service.onServing?.(server);
    } catch (error) {
      await service.stop({ signal: undefined, hurry: AbortSignal.abort() });
      throw error;
    }
  }

  readonly #redact = (value: unknown): unknown => this.#parts.redactor.redactAll(value);

  /** What the units need of the endpoint that they share. */
  get needs(): EndpointNeeds {
    return Object.assign({}, ...this.#sharing.map(({ unit }) => unit.needs));
  }

  /** Those that answer at the address of the process. */
  get #sharing(): readonly UnitLife[] {
    return [...this.lives.values()].filter(({ unit }) => !unit.ownHttp);
  }

  /** Says the start, and once what the user should know. */
  announce(log: Logger, facts: LogFields): void {
    const { plan } = this.#parts;
    log.info(0, 'starting up', { version: VERSION, pid: process.pid, ...plan.facts, ...facts });
    if (!this.#isAnnounced) for (const notice of plan.notices) this.log.warn(notice);
    this.#isAnnounced = true;
  }

  /**
   * Opens the endpoint, in the place of one that is open.
   * @throws SidecarError ERR_SERVE_BIND
   */
  async serve(http: HttpConfig | undefined, routes: readonly Route[] = []): Promise<void> {
    const { metrics, clock, plan, log } = this.#parts;
    const former = this.#server;
    this.#server = undefined;
    await former?.close();
    if (!http) return;
    const services = (): ReadonlyMap<string, Service> => this.services;
    const answering = (): Service[] => this.#sharing.map(({ service }) => service);
    const { needs } = this;
    const { hasUnits } = plan;
    const server = await openEndpoint({
      ...{ http, metrics, services, answering, needs, hasUnits, routes, clock, log },
      redact: this.#redact,
    });
    this.#server = server;
    for (const service of answering()) service.onServing?.(server);
  }

  get keepsProcess(): boolean {
    return [...this.lives.values()].some(({ unit }) => unit.kind === 'run');
  }

  wake(): void {
    for (const life of this.lives.values()) life.wake();
  }

  passOn(signal: NodeJS.Signals): void {
    for (const service of this.services.values()) service.passOn?.(signal);
  }

  /** Ends one unit. */
  async end(name: string, order: StopOrder): Promise<void> {
    const life = this.lives.get(name);
    await life?.stop(order).catch((error: unknown) => this.log.error(error, 'it did not end as it should'));
    this.#publishers.attach(name, undefined);
    await this.#ownServers.get(name)?.close();
    this.#ownServers.delete(name);
  }

  /** {@link end}, and nothing says any more that it was there. */
  async remove(name: string, order: StopOrder): Promise<void> {
    await this.end(name, order);
    this.lives.delete(name);
    this.#parts.metrics?.forget(name);
  }

  /** Ends all: first those that work with what others make. */
  async endAll(order: StopOrder): Promise<void> {
    const lives = [...this.lives.values()];
    const [runs, others] = [true, false].map((isRun) => lives.filter(({ unit }) => (unit.kind === 'run') === isRun));
    for (const group of [runs, others])
      await Promise.all(group?.map(async ({ unit }) => await this.end(unit.name, order)) ?? []);
    await this.#server?.close();
  }
}
