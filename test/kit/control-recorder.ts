import type { Page } from 'playwright-core';

/**
 * In the page: notes each control that there is, and each that a person used. A control is known by what it is and by
 * its name, without numbers and commits, so rows of a table are one.
 */
const RECORDER = `(() => {
  const CONTROLS = 'button, a[href], input:not([hidden]), select, textarea, summary, [tabindex="0"]';
  const nameOf = (element) => {
    const label = (element.labels?.[0]?.querySelector('.hidden') ?? element.labels?.[0])?.textContent ?? element.getAttribute('aria-label') ?? element.textContent;
    const data = element.matches('td *, th[scope=row] *, li *, .name, dd *') ? element.closest('td, th, li, dd')?.className || 'cell' : '';
    return data || label.trim().replace(/\\d[\\d,.]*/g, 'N').replace(/\\s+/g, ' ');
  };
  const describe = (element) => (element.closest('dialog') ? 'dialog ' : '') + element.localName + ' ' + nameOf(element);
  const seen = new Set();
  const note = (element) => {
    const what = describe(element);
    if (seen.has(what)) return;
    seen.add(what);
    window.noteControl(what, false);
  };
  const look = () => document.querySelectorAll(CONTROLS).forEach(note);
  const use = ({ target, isTrusted }) => {
    const control = target instanceof Element ? target.closest(CONTROLS) : null;
    // A list of choices is opened by the system, so its change is made by the driver of the browser.
    if (control && (isTrusted || control.localName === 'select')) window.noteControl(describe(control), true);
  };
  for (const type of ['click', 'input', 'change', 'keydown']) addEventListener(type, use, true);
  new MutationObserver(look).observe(document, { childList: true, subtree: true, attributes: true });
  addEventListener('DOMContentLoaded', look);
})()`;

export interface ControlRecorder {
  /** Controls that were there and that nobody used, in order of their names. */
  readonly unused: () => readonly string[];
  readonly used: () => readonly string[];
}

/** To be called before the page is opened. */
export async function recordControls(page: Page): Promise<ControlRecorder> {
  const [there, used] = [new Set<string>(), new Set<string>()];
  await page.exposeFunction('noteControl', (what: string, isUsed: boolean) => void (isUsed ? used : there).add(what));
  await page.addInitScript(RECORDER);
  return {
    unused: () => [...there].filter((what) => !used.has(what)).sort(),
    used: () => [...used].sort(),
  };
}
