import type * as Crypto from 'node:crypto';

export interface SigningKeys {
  readonly keyId: string;
  readonly secret: string;
  /** Empty: the keys are those of a user, and need none. */
  readonly sessionToken: string;
  /** Where the name of the server does not say it. */
  readonly region: string;
}

/**
 * The user name and password for one repository of CodeCommit: Signature Version 4 over the method `GIT`, the path and
 * the host without its port, as the credential helper of AWS CLI makes them. The server accepts them for about 15
 * minutes.
 *
 * git runs this function too, as text in a process of its own: it uses nothing but what it is given.
 *
 * @param path of the repository, with a slash at its beginning
 * @param nowMs milliseconds since the epoch
 * @returns undefined when neither the host nor the keys say which region it is
 */
export function signCodeCommit(
  crypto: Pick<typeof Crypto, 'createHash' | 'createHmac'>,
  keys: SigningKeys,
  host: string,
  path: string,
  nowMs: number,
): { username: string; password: string } | undefined {
  const name = host.replace(/:\d+$/, '');
  const region =
    /^(?:vpce-.+\.)?git-codecommit(?:-fips)?\.([^.]+)\.(?:vpce\.)?amazonaws\.com/.exec(name)?.[1] ?? keys.region;
  if (region === '') return undefined;
  const time = new Date(nowMs).toISOString().replace(/[-:]|\.\d+Z$/g, '');
  const day = time.slice(0, 8);
  const request = `GIT\n${path}\n\nhost:${name}\n\nhost\n`;
  const scope = `${day}/${region}/codecommit/aws4_request`;
  const text = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${crypto.createHash('sha256').update(request).digest('hex')}`;
  let key: string | Buffer = `AWS4${keys.secret}`;
  for (const part of [day, region, 'codecommit', 'aws4_request'])
    key = crypto.createHmac('sha256', key).update(part).digest();
  const signature = crypto.createHmac('sha256', key).update(text).digest('hex');
  const username = keys.sessionToken === '' ? keys.keyId : `${keys.keyId}%${keys.sessionToken}`;
  return { username, password: `${time}Z${signature}` };
}
