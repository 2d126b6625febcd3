import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry, Summary } from 'prom-client';
import { visibleText } from '../platform/visible-text.ts';
import type { Labels, MetricsSink } from './metrics-sink.ts';
import type { MetricDefinition, MetricName } from './metrics-table.ts';
import { METRICS } from './metrics-table.ts';

/** Bounds of our histograms, in seconds: a poll takes milliseconds, a large update seconds. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

type Metric = Counter | Gauge | Histogram | Summary;

interface Creation {
  readonly quantiles: readonly number[];
  /** Labels that every metric has beside its own. */
  readonly more: readonly string[];
  readonly registry: Registry;
}

function create(name: string, definition: MetricDefinition, { quantiles, more, registry }: Creation): Metric {
  const labelNames = [...more, ...Object.keys(definition.labels)];
  const shared = { name, help: definition.help, labelNames, registers: [registry] };
  switch (definition.kind) {
    case 'counter':
      return new Counter(shared);
    case 'gauge':
      return new Gauge(shared);
    case 'histogram':
      return new Histogram({ ...shared, buckets: BUCKETS });
    case 'summary':
      return new Summary({
        ...shared,
        percentiles: [...quantiles],
        ...(quantiles.length > 0 && { maxAgeSeconds: 600, ageBuckets: 5 }),
      });
  }
}

/** What a label value is when it is none of those that the label may have. */
const OTHER = 'other';
const LONGEST_VALUE = 200;

/** The series of one metric, as far as its labels have values from outside. */
class SeriesBook {
  readonly #definition: MetricDefinition;
  readonly #values = new Map<string, Set<string>>();
  readonly #series = new Map<string, Labels>();

  constructor(definition: MetricDefinition) {
    this.#definition = definition;
  }

  /** The labels to use for `labels`. */
  admit(labels: Labels): Labels {
    const admitted = Object.fromEntries(
      Object.entries(labels).map(([label, value]) => [label, this.#admitValue(label, visibleText(value))]),
    );
    this.#series.set(JSON.stringify(admitted), admitted);
    return admitted;
  }

  /** Forgets the series whose `label` is none of `values`. @returns their labels */
  keep(label: string, values: ReadonlySet<string>): Labels[] {
    const dropped = [...this.#series].filter(([, { [label]: value = OTHER }]) => value !== OTHER && !values.has(value));
    for (const [key] of dropped) this.#series.delete(key);
    const known = this.#values.get(label);
    for (const value of known ?? []) if (!values.has(value)) known?.delete(value);
    return dropped.map(([, labels]) => labels);
  }

  /** @returns the labels of what is forgotten */
  forgetAll(): Labels[] {
    const forgotten = [...this.#series.values()];
    this.#values.clear();
    this.#series.clear();
    return forgotten;
  }

  #admitValue(label: string, text: string): string {
    const allowed = this.#definition.labels[label];
    if (allowed === undefined || !('most' in allowed)) return allowed?.includes(text) ? text : OTHER;
    const value = text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text;
    const known = this.#values.get(label) ?? new Set();
    this.#values.set(label, known);
    if (known.size >= allowed.most && !known.has(value)) return OTHER;
    known.add(value);
    return value;
  }
}

/** What one part of a process measures: its metrics have the labels that name the part. */
class Part implements MetricsSink {
  #metrics: ReadonlyMap<MetricName, Metric>;
  readonly #labels: Labels;
  readonly #books = new Map<MetricName, SeriesBook>();

  constructor(metrics: ReadonlyMap<MetricName, Metric>, labels: Labels) {
    this.#metrics = metrics;
    this.#labels = labels;
    for (const [name, definition] of Object.entries(METRICS))
      this.#books.set(name as MetricName, new SeriesBook(definition));
  }

  count(name: MetricName, labels: Labels = {}): void {
    const metric = this.#metrics.get(name);
    if (metric instanceof Counter) metric.inc(this.#admit(name, labels));
  }

  set(name: MetricName, value: number, labels: Labels = {}): void {
    const metric = this.#metrics.get(name);
    if (metric instanceof Gauge) metric.set(this.#admit(name, labels), value);
  }

  setOnly(name: MetricName, value: number, labels: Labels): void {
    const metric = this.#metrics.get(name);
    if (!(metric instanceof Gauge)) return;
    this.#forget(name);
    metric.set(this.#admit(name, labels), value);
  }

  observe(name: MetricName, seconds: number, labels: Labels = {}): void {
    const metric = this.#metrics.get(name);
    if (metric instanceof Histogram || metric instanceof Summary) metric.observe(this.#admit(name, labels), seconds);
  }

  keep(label: string, values: ReadonlySet<string>): void {
    const shown = new Set([...values].map(visibleText));
    for (const [name, book] of this.#books)
      for (const labels of book.keep(label, shown)) this.#metrics.get(name)?.remove({ ...this.#labels, ...labels });
  }

  /** Forgets every series: what they are about is gone. What comes late is not shown. */
  end(): void {
    for (const name of this.#books.keys()) this.#forget(name);
    this.#metrics = new Map();
  }

  #forget(name: MetricName): void {
    const series = this.#books.get(name)?.forgetAll() ?? [];
    for (const labels of series) this.#metrics.get(name)?.remove({ ...this.#labels, ...labels });
  }

  #admit(name: MetricName, labels: Labels): Labels {
    return { ...this.#labels, ...(this.#books.get(name)?.admit(labels) ?? labels) };
  }
}

/** The process's metrics in Prometheus form. The table bounds their series, whatever comes from outside. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #metrics = new Map<MetricName, Metric>();
  readonly #parts = new Map<string, Part>();

  /**
   * @param quantiles v3 gives 0.5, 0.9 and 0.99 for durations, v4 none (compat.md 5)
   * @param hasUnits every metric has the label `unit`, since the process has several
   */
  constructor(quantiles: readonly number[], hasUnits = false) {
    collectDefaultMetrics({ register: this.#registry });
    const creation = { quantiles, more: hasUnits ? ['unit'] : [], registry: this.#registry };
    for (const [name, definition] of Object.entries(METRICS))
      this.#metrics.set(name as MetricName, create(name, definition, creation));
  }

  /** The metrics of a process that is one service. */
  get whole(): MetricsSink {
    return this.#part('', {});
  }

  /** The metrics of one unit of a process. Its number is bounded by the document. */
  unit(name: string): MetricsSink {
    return this.#part(name, { unit: name });
  }

  /** Forgets all about a unit that is no more. */
  forget(name: string): void {
    this.#parts.get(name)?.end();
    this.#parts.delete(name);
  }

  #part(name: string, labels: Labels): Part {
    const part = this.#parts.get(name) ?? new Part(this.#metrics, labels);
    this.#parts.set(name, part);
    return part;
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async render(): Promise<string> {
    return await this.#registry.metrics();
  }
}
