import { createHash, createHmac } from 'node:crypto';
import type { UrlSigner } from '../../model/credential.ts';
import { SidecarError } from '../../model/error.ts';
import { ownNode } from '../../platform/process/own-node.ts';
import type { IdentityTools } from './identity.ts';
import { type SigningKeys, signCodeCommit } from './sign-codecommit.ts';

/** CodeCommit accepts a signature for 15 minutes. It is used for a third of that, so that a log knows few of them. */
const KEPT_MS = 300_000;

/**
 * What git runs when it asks for a password itself. Only `get` is answered, and nothing is written when the region is
 * not known: git then tries the next helper.
 */
const PROGRAM = String.raw`
const sign = SIGN;
const { env, stdout } = process;
const lines = require('fs').readFileSync(0, 'utf8').split('\n');
const fields = Object.fromEntries(lines.map((line) => [line.split('=', 1)[0], line.slice(line.indexOf('=') + 1)]));
const keys = {
  keyId: env.GIT_SIDECAR_AWS_KEY,
  secret: env.GIT_SIDECAR_AWS_SECRET,
  sessionToken: env.GIT_SIDECAR_AWS_SESSION,
  region: env.GIT_SIDECAR_AWS_REGION,
};
const signed = sign(require('crypto'), keys, fields.host, '/' + (fields.path || ''), Number(new Date()));
if (signed) stdout.write('username=' + signed.username + '\npassword=' + signed.password + '\n');
`;

/** Shell; the program and the keys are in the environment, so that no argument and no file holds them. */
const LINE = [
  '!f() { test "$1" = get || exit 0; NODE_OPTIONS= exec "$GIT_SIDECAR_LOADER"',
  '${GIT_SIDECAR_NODE:+--library-path "$GIT_SIDECAR_LIBRARIES" "$GIT_SIDECAR_NODE"}',
  '-e "$GIT_SIDECAR_AWS_PROGRAM"; }; f',
].join(' ');

/** What starts Node: it itself, or a loader with the place of the libraries. */
function nodeVariables(): Readonly<Record<string, string>> {
  const { file, args } = ownNode();
  const [, libraries = '', node = ''] = args;
  return { GIT_SIDECAR_LOADER: file, GIT_SIDECAR_LIBRARIES: libraries, GIT_SIDECAR_NODE: node };
}

/** Signs for each repository of CodeCommit, here and in git. */
export function codeCommitSigner(
  keys: SigningKeys,
  { clock, learn }: Pick<IdentityTools, 'clock' | 'learn'>,
): UrlSigner {
  const signed = new Map<string, { readonly until: number; readonly made: ReturnType<UrlSigner['sign']> }>();
  const sign: UrlSigner['sign'] = (text) => {
    const now = clock.now();
    const kept = signed.get(text);
    if (kept && now < kept.until) return kept.made;
    for (const [url, { until }] of signed) if (until <= now) signed.delete(url);
    const { host, pathname } = new URL(text);
    const made = signCodeCommit({ createHash, createHmac }, keys, host, pathname.replace(/\/+$/, ''), now);
    if (!made)
      throw new SidecarError('ERR_REMOTE_CREDENTIAL_SOURCE', {
        op: 'sign for CodeCommit at',
        target: host,
        detail: 'the name of the server does not say its region',
        hint: 'Set AWS_REGION or --identity-region.',
      });
    learn(made.password);
    signed.set(text, { made, until: now + KEPT_MS });
    return made;
  };
  return {
    sign,
    line: LINE,
    variables: {
      ...nodeVariables(),
      GIT_SIDECAR_AWS_PROGRAM: PROGRAM.replace('SIGN', () => signCodeCommit.toString()),
      GIT_SIDECAR_AWS_KEY: keys.keyId,
      GIT_SIDECAR_AWS_SECRET: keys.secret,
      GIT_SIDECAR_AWS_SESSION: keys.sessionToken,
      GIT_SIDECAR_AWS_REGION: keys.region,
    },
  };
}
