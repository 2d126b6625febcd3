import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BASE, buildImage, layersOf, NODE } from '../kit/podman.ts';
import { tempDir } from '../kit/temp.ts';

/** Of V8’s code caches, the only files that differ from build to build (deploy/Containerfile). */
const LAYER_OF_CACHES = 3;
const LAYERS = 6;

/** From a copy of all that goes into the image, without anything of an earlier build. */
function build(): readonly string[] {
  const context = join(tempDir(), 'context');
  for (const path of ['dist', 'LICENSE', 'deploy', '.containerignore'])
    cpSync(path, join(context, path), { recursive: true });
  const from = ['--build-arg', `NODE=${NODE}`, '--build-arg', `BASE=${BASE}`];
  return layersOf(
    buildImage('--no-cache', '--timestamp=0', '-f', join(context, 'deploy/Containerfile'), ...from, context),
  );
}

test('two builds of the same inputs, in two directories, give the same layers, but for that of the code caches', () => {
  const [one, other] = [build(), build()];
  expect(one).toHaveLength(LAYERS);
  const differing = one.flatMap((layer, at) => (layer === other[at] ? [] : at));
  expect(differing.filter((at) => at !== LAYER_OF_CACHES)).toEqual([]);
}, 600_000);
