// The page of a relay as one file for dist: its files as text, with names that hold digests of what is in them.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { build } from 'esbuild';

const SOURCE = 'src/relay/page';
/** Browsers of the last years; they know CSS nesting, `dialog` and streams. */
const TARGET = ['chrome111', 'firefox113', 'safari16.4'];

function assetName(name, text) {
  const [base, extension] = name.split('.');
  return `page/${base}-${createHash('sha256').update(text).digest('hex').slice(0, 16)}.${extension}`;
}

/** @returns what goes into dist, and the files that esbuild took */
export async function buildPage() {
  const { outputFiles, metafile } = await build({
    entryPoints: { app: `${SOURCE}/main.tsx`, style: `${SOURCE}/page.css` },
    outdir: 'page',
    metafile: true,
    bundle: true,
    minify: true,
    format: 'esm',
    target: TARGET,
    legalComments: 'none',
    logLevel: 'warning',
    charset: 'utf8',
    write: false,
  });
  const textOf = (extension) => outputFiles.find(({ path }) => path.endsWith(extension)).text;
  const [script, style] = [textOf('.js'), textOf('.css')];
  const names = { script: assetName('app.js', script), style: assetName('style.css', style) };
  const html = readFileSync(`${SOURCE}/index.html`, 'utf8').replace(
    /\{(script|style)\}/g,
    (_match, name) => names[name],
  );
  const files = {
    '/': { type: 'text/html; charset=utf-8', text: html },
    [`/${names.script}`]: { type: 'text/javascript; charset=utf-8', text: script },
    [`/${names.style}`]: { type: 'text/css; charset=utf-8', text: style },
  };
  return { text: JSON.stringify({ files }), inputs: Object.keys(metafile.inputs) };
}
