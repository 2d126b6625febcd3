import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packHolds } from '../../src/fetch/pack-index.ts';
import { type Oid, parseOid } from '../../src/model/oid.ts';
import { tempDir } from '../kit/temp.ts';
import { Upstream } from '../kit/upstream.ts';

function packed(format: 'sha1' | 'sha256') {
  const upstream = new Upstream(tempDir(), 'repo.git', { format });
  upstream.commit(Object.fromEntries(Array.from({ length: 600 }, (_, index) => [`f${index}`, `${index}`])));
  upstream.git('gc', '-q');
  const gitDir = join(upstream.work, '.git');
  const [name = ''] = readdirSync(join(gitDir, 'objects', 'pack')).flatMap(
    (file) => /^pack-([0-9a-f]+)\.idx$/.exec(file)?.[1] ?? [],
  );
  const oids = upstream.git('rev-list', '--all', '--objects', '--no-object-names').split('\n');
  return { gitDir, name, oids: oids.map((oid) => parseOid(oid) as Oid) };
}

describe('the index of a pack', () => {
  test.each(['sha1', 'sha256'] as const)('names each object of the pack and no other (%s)', (format) => {
    const { gitDir, name, oids } = packed(format);
    expect(oids).toHaveLength(602);
    for (const oid of oids) {
      expect(packHolds(gitDir, name, oid)).toBe(true);
      const other = `${oid.slice(0, -1)}${oid.endsWith('0') ? '1' : '0'}` as Oid;
      expect(packHolds(gitDir, name, other)).toBe(false);
    }
  });

  test('one that is missing, cut off or of another kind names nothing', () => {
    const { gitDir, name, oids } = packed('sha1');
    const [oid] = oids as [Oid];
    expect(packHolds(gitDir, 'f'.repeat(40), oid)).toBe(false);
    for (const text of ['', 'x'.repeat(5000)]) {
      writeFileSync(join(gitDir, 'objects', 'pack', 'pack-0.idx'), text);
      expect(packHolds(gitDir, '0', oid)).toBe(false);
    }
    expect(packHolds(gitDir, name, oid)).toBe(true);
  });
});
