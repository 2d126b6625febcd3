import { expect, test } from 'vitest';
import { readHttpSettings } from '../../src/remote/http-settings.ts';
import { UploadPack } from '../../src/remote/upload-pack.ts';
import { httpStub } from '../kit/http-stub.ts';

const { signal } = new AbortController();

test('a git server gets a token under its scheme, and a signature that is made for its repository', async () => {
  const stub = await httpStub((_request, response) => void response.writeHead(401).end());
  const signer = {
    sign: (url: string) => ({ username: 'u', password: `for ${url.replace(stub.url, '')}` }),
    line: '',
    variables: {},
  };
  const shown = async (credential: object): Promise<string | undefined> => {
    const settings = readHttpSettings(new URL(stub.url), [], {});
    const remote = new UploadPack({ url: `${stub.url}/team/app.git`, settings, agent: 'test', now: Date.now });
    const all = [{ url: stub.url, username: '', password: 'token', ...credential }];
    await expect(remote.discover(all, signal)).rejects.toMatchObject({ code: 'ERR_REMOTE_AUTH' });
    remote.close();
    return stub.requests.at(-1)?.headers.authorization;
  };
  expect(await shown({ scheme: 'Bearer' })).toBe('Bearer token');
  expect(await shown({ signer })).toBe(`Basic ${Buffer.from('u:for /team/app.git').toString('base64')}`);
});
