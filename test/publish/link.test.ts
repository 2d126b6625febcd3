import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { moveLinkPlaceAside, readLink, removeTemporaryLinks, switchLink } from '../../src/publish/link.ts';
import { tempDir } from '../kit/temp.ts';

function trees(): { dir: string; link: string; one: string; two: string } {
  const dir = tempDir();
  for (const name of ['one', 'two']) {
    mkdirSync(join(dir, name));
    writeFileSync(join(dir, name, 'x'), name);
  }
  return { dir, link: join(dir, 'link'), one: join(dir, 'one'), two: join(dir, 'two') };
}

describe('the link', () => {
  test('is never missing while it is switched back and forth', async () => {
    const { dir, link, one, two } = trees();
    await switchLink(dir, link, one);
    let gaps = 0;
    let done = false;
    const reader = (async () => {
      while (!done) {
        try {
          readFileSync(join(link, 'x'));
        } catch {
          gaps += 1;
        }
        await new Promise(setImmediate);
      }
    })();
    for (let times = 0; times < 200; times += 1) await switchLink(dir, link, times % 2 === 0 ? two : one);
    done = true;
    await reader;
    expect(gaps).toBe(0);
  });

  test('leaves no temporary link, and clears those that a killed process left, but no file of that name', async () => {
    const { dir, link, one } = trees();
    symlinkSync('x', join(dir, 'tmp-link'));
    symlinkSync('x', join(dir, 'tmp-link.0123456789abcdef'));
    symlinkSync('x', join(dir, 'tmp-link.mine'));
    await removeTemporaryLinks(dir, link);
    await switchLink(dir, link, one);
    expect(readdirSync(dir).sort()).toEqual(['link', 'one', 'tmp-link.mine', 'two']);
    writeFileSync(join(dir, 'tmp-link'), 'a file');
    await removeTemporaryLinks(dir, link);
    expect(existsSync(join(dir, 'tmp-link'))).toBe(true);
  });

  test('replaces a link to anywhere, and refuses to replace a file or a directory', async () => {
    const { dir, link, one } = trees();
    symlinkSync('/etc', link);
    await switchLink(dir, link, one);
    expect(readlinkSync(link)).toBe('one');
    for (const name of ['one', 'file']) {
      if (name === 'file') writeFileSync(join(dir, name), '');
      await expect(switchLink(dir, join(dir, name), join(dir, 'two'))).rejects.toMatchObject({
        code: 'ERR_PUBLISH_LINK_OCCUPIED',
      });
    }
    const aside = await moveLinkPlaceAside(dir, join(dir, 'one'), 7);
    expect(aside).toBe(join(dir, 'one.before-git-sidecar-7'));
    expect(await moveLinkPlaceAside(dir, join(dir, 'link'), 7)).toBeUndefined();
  });

  test('is relative and right when its directory is reached through a symlink', async () => {
    const { dir, one } = trees();
    mkdirSync(join(dir, 'a/b'), { recursive: true });
    symlinkSync('a/b', join(dir, 'short'));
    await switchLink(dir, join(dir, 'short', 'link'), one);
    expect(readlinkSync(join(dir, 'a/b/link'))).toBe('../../one');
    expect(await readLink(join(dir, 'short', 'link'))).toMatchObject({ kind: 'link', target: one });
    expect(await readLink(join(dir, 'nothing'))).toEqual({ kind: 'absent' });
  });
});
