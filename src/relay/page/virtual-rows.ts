/** Which rows are drawn, and how much room those above and below them take in pixels. */
export interface RowWindow {
  readonly first: number;
  readonly end: number;
  readonly before: number;
  readonly after: number;
}

/** Rows beyond each edge, so that a quick scroll does not show nothing. Each of them costs a part of every frame. */
const SPARE = 4;

/** Of `total` rows of equal height those that are seen; what is drawn does not grow with their number. */
export function rowWindow(total: number, rowHeight: number, scrollTop: number, viewHeight: number): RowWindow {
  const seen = Math.ceil(viewHeight / rowHeight);
  const top = Math.min(Math.max(0, Math.floor(scrollTop / rowHeight)), Math.max(0, total - seen));
  const first = Math.max(0, top - SPARE);
  const end = Math.min(total, top + seen + SPARE);
  return { first, end, before: first * rowHeight, after: (total - end) * rowHeight };
}
