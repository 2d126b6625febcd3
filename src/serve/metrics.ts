import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry, Summary } from 'prom-client';
import { visibleText } from '../platform/visible-text.ts';
import type { Labels, MetricsSink } from './metrics-sink.ts';
import type { MetricDefinition, MetricName } from './metrics-table.ts';
import { METRICS } from './metrics-table.ts';

/** Bounds of our histograms, in seconds: a poll takes milliseconds, a large update seconds. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

type Metric = Counter | Gauge | Histogram | Summary;

function create(name: string, definition: MetricDefinition, quantiles: readonly number[], registry: Registry): Metric {
  const shared = { name, help: definition.help, labelNames: Object.keys(definition.labels), registers: [registry] };
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

  forgetAll(): void {
    this.#values.clear();
    this.#series.clear();
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

/** The process's metrics in Prometheus form. The table bounds their series, whatever comes from outside. */
export class Metrics implements MetricsSink {
  readonly #registry = new Registry();
  readonly #metrics = new Map<MetricName, Metric>();
  readonly #books = new Map<MetricName, SeriesBook>();

  /** @param quantiles v3 gives 0.5, 0.9 and 0.99 for durations, v4 none (compat.md 5) */
  constructor(quantiles: readonly number[]) {
    collectDefaultMetrics({ register: this.#registry });
    for (const [name, definition] of Object.entries(METRICS)) {
      this.#metrics.set(name as MetricName, create(name, definition, quantiles, this.#registry));
      this.#books.set(name as MetricName, new SeriesBook(definition));
    }
  }

  count(name: MetricName, labels: Labels = {}): void {
    const metric = this.#metrics.get(name);
    if (metric instanceof Counter) metric.inc(this.#admit(name, labels));
  }

  set(name: MetricName, value: number, labels: Labels = {}): void {
    const metric = this.#metrics.get(name);
    if (metric instanceof Gauge) metric.set(this.#admit(name, labels), value);
  }

  /** Sets the one labelled value of a gauge, forgetting those with other labels. */
  setOnly(name: MetricName, value: number, labels: Labels): void {
    const metric = this.#metrics.get(name);
    if (!(metric instanceof Gauge)) return;
    metric.reset();
    this.#books.get(name)?.forgetAll();
    metric.set(this.#admit(name, labels), value);
  }

  observe(name: MetricName, seconds: number, labels: Labels = {}): void {
    const metric = this.#metrics.get(name);
    if (metric instanceof Histogram || metric instanceof Summary) metric.observe(this.#admit(name, labels), seconds);
  }

  /** Forgets every series whose `label` is none of `values`: what they are about is gone. */
  keep(label: string, values: ReadonlySet<string>): void {
    const shown = new Set([...values].map(visibleText));
    for (const [name, book] of this.#books)
      for (const labels of book.keep(label, shown)) this.#metrics.get(name)?.remove(labels);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async render(): Promise<string> {
    return await this.#registry.metrics();
  }

  #admit(name: MetricName, labels: Labels): Labels {
    return this.#books.get(name)?.admit(labels) ?? labels;
  }
}
