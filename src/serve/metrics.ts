import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry, Summary } from 'prom-client';
import type { MetricDefinition, MetricName } from './metrics-table.ts';
import { METRICS } from './metrics-table.ts';

/** Bounds of our histograms, in seconds: a poll takes milliseconds, a large update seconds. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

type Labels = Readonly<Record<string, string>>;
type Metric = Counter | Gauge | Histogram | Summary;

function create(name: string, definition: MetricDefinition, quantiles: readonly number[], registry: Registry): Metric {
  const shared = { name, help: definition.help, labelNames: [...definition.labels], registers: [registry] };
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

/** The process's metrics in Prometheus form. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #metrics = new Map<MetricName, Metric>();

  /** @param quantiles v3 gives 0.5, 0.9 and 0.99 for durations, v4 none (compat.md 5) */
  constructor(quantiles: readonly number[]) {
    collectDefaultMetrics({ register: this.#registry });
    for (const [name, definition] of Object.entries(METRICS)) {
      this.#metrics.set(name as MetricName, create(name, definition, quantiles, this.#registry));
    }
  }

  count(name: MetricName, labels: Labels = {}): void {
    const metric = this.#metrics.get(name);
    if (metric instanceof Counter) metric.inc(labels);
  }

  set(name: MetricName, value: number, labels: Labels = {}): void {
    const metric = this.#metrics.get(name);
    if (metric instanceof Gauge) metric.set(labels, value);
  }

  /** Sets the one labelled value of a gauge, forgetting those with other labels. */
  setOnly(name: MetricName, value: number, labels: Labels): void {
    const metric = this.#metrics.get(name);
    if (!(metric instanceof Gauge)) return;
    metric.reset();
    metric.set(labels, value);
  }

  observe(name: MetricName, seconds: number, labels: Labels = {}): void {
    const metric = this.#metrics.get(name);
    if (metric instanceof Histogram || metric instanceof Summary) metric.observe(labels, seconds);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async render(): Promise<string> {
    return await this.#registry.metrics();
  }
}
