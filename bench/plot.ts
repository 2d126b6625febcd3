import { writeFileSync } from 'node:fs';
import * as echarts from 'echarts';

export interface BarPlot {
  readonly title: string;
  readonly unit: string;
  readonly categories: readonly string[];
  readonly series: readonly { readonly name: string; readonly values: readonly number[] }[];
}

const COLOURS = ['#0b7285', '#e8590c', '#868e96', '#5f3dc4'];

const shared = (title: string) => ({
  animation: false,
  backgroundColor: '#ffffff',
  color: COLOURS,
  title: { text: title, left: 'center', textStyle: { fontSize: 15 } },
});

/** Bars side by side over a logarithmic axis, as SVG: ratios are what counts, and they are lengths there. */
export function renderBars({ title, unit, categories, series }: BarPlot): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 860, height: 360 });
  chart.setOption({
    ...shared(title),
    legend: { bottom: 0 },
    grid: { left: 70, right: 20, top: 50, bottom: 70 },
    xAxis: { type: 'category', data: [...categories], axisLabel: { interval: 0 } },
    yAxis: { type: 'log', name: unit, min: (range: { min: number }) => 10 ** Math.floor(Math.log10(range.min)) },
    series: series.map(({ name, values }) => ({
      name,
      type: 'bar',
      data: values.map((value) => Number(value.toPrecision(3))),
      label: { show: true, position: 'top', fontSize: 10 },
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${svg}\n`;
}

/** One value after the other, as SVG, written to `path`. */
export function renderLine(path: string, title: string, unit: string, values: readonly number[]): void {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 860, height: 300 });
  chart.setOption({
    ...shared(title),
    grid: { left: 70, right: 20, top: 50, bottom: 40 },
    xAxis: { type: 'category', data: values.map((_, index) => `${index + 1}`) },
    yAxis: { type: 'value', name: unit, min: 0 },
    series: [{ type: 'line', data: values.map((value) => Math.round(value)), symbolSize: 5 }],
  });
  writeFileSync(path, `${chart.renderToSVGString()}\n`);
  chart.dispose();
}

/** A line for each series over logarithmic axes, as SVG, written to `path`. */
export function renderLines(path: string, { title, unit, categories, series }: BarPlot): void {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 860, height: 360 });
  chart.setOption({
    ...shared(title),
    legend: { bottom: 0 },
    grid: { left: 70, right: 40, top: 50, bottom: 70 },
    xAxis: { type: 'category', data: [...categories], name: 'followers', nameLocation: 'middle', nameGap: 26 },
    yAxis: { type: 'log', name: unit },
    series: series.map(({ name, values }) => ({
      name,
      type: 'line',
      symbolSize: 7,
      data: values.map((value) => Number(value.toPrecision(3))),
      label: { show: true, position: 'top', fontSize: 10 },
    })),
  });
  writeFileSync(path, `${chart.renderToSVGString()}\n`);
  chart.dispose();
}
