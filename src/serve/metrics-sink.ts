import type { MetricName } from './metrics-table.ts';

export type Labels = Readonly<Record<string, string>>;

/** Where services put what they measure. Names, labels and the bounds of both are in the table. */
export interface MetricsSink {
  count(name: MetricName, labels?: Labels): void;
  set(name: MetricName, value: number, labels?: Labels): void;
  /** Sets the one labelled value of a gauge, and forgets those with other labels. */
  setOnly(name: MetricName, value: number, labels: Labels): void;
  observe(name: MetricName, seconds: number, labels?: Labels): void;
  /** Forgets every series whose `label` is none of `values`: what they are about is gone. */
  keep(label: string, values: ReadonlySet<string>): void;
}
