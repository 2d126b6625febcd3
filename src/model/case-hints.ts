import type { ErrorCode } from './error-codes.ts';

export interface CaseHint {
  readonly code: ErrorCode;
  readonly hint: string;
  /** See `ErrorCodeEntry`. */
  readonly v3Hint?: string;
}

const CLIENT_CERTIFICATE =
  'The server wants a client certificate that it trusts: `--git-config=http.sslCert:/path/tls.crt,http.sslKey:/path/tls.key` (or GIT_SSL_CERT and GIT_SSL_KEY). If both are set, see which CA the server accepts and whether the certificate has expired.';

/** Cases of a code whose remedy is another than the code's own hint says: another party is at fault, or another setting helps. */
export const CASE_HINTS = {
  refused: {
    code: 'ERR_REMOTE_AUTH',
    hint: 'The server knows no such user with this password or token: has it expired, been rotated or been revoked? Check what `--username` and `--password-file` (or the source of the password) hold.',
  },
  forbidden: {
    code: 'ERR_REMOTE_AUTH',
    hint: 'The server knows this user but does not allow access: give the user or token read access to the repository (scope, role, SSO, IP rules).',
  },
  key: {
    code: 'ERR_REMOTE_AUTH',
    hint: 'The server takes none of the keys of `--ssh-key-file`: add the public half to the repository (deploy key) or user there, and check the user name in the URL.',
  },
  badKey: {
    code: 'ERR_REMOTE_AUTH',
    hint: 'The file of `--ssh-key-file` is not a private key that ssh can read: no passphrase, whole text with a line end at the end, `ssh-keygen -y -f FILE` has to work.',
  },
  openKey: {
    code: 'ERR_REMOTE_AUTH',
    hint: 'ssh refuses a private key of ours that others may read: `defaultMode: 0400` (or `chmod 400`) for the file of `--ssh-key-file`.',
  },
  hostKeyChanged: {
    code: 'ERR_REMOTE_HOST_KEY',
    hint: 'The host shows another key than the file of `--ssh-known-hosts-file`, or the one that `--ssh-accept-new` keeps, has. If its owner says that it was replaced, correct the file; otherwise another machine may be pretending to be this host.',
  },
  hostKeyRevoked: {
    code: 'ERR_REMOTE_HOST_KEY',
    hint: 'A line `@revoked` of the file of `--ssh-known-hosts-file` has the key that the host shows: it was given up, perhaps because it was stolen. Ask the owner of the host for another key; do not remove the line.',
  },
  proxyRefused: {
    code: 'ERR_REMOTE_AUTH',
    hint: 'It is the proxy that wants credentials, not the git server: HTTPS_PROXY=http://USER:PASSWORD@PROXY, or leave the server out with NO_PROXY.',
  },
  proxy: {
    code: 'ERR_REMOTE_UNREACHABLE',
    hint: 'It is the proxy that failed, not the git server: check HTTPS_PROXY and HTTP_PROXY, or leave the server out with NO_PROXY.',
  },
  certificate: {
    code: 'ERR_REMOTE_UNREACHABLE',
    hint: 'The certificate of the server is not trusted here: name the CA with GIT_SSL_CAINFO=/path/ca.crt, and check the date and the host name.',
  },
  clientCertificate: {
    code: 'ERR_REMOTE_UNREACHABLE',
    hint: CLIENT_CERTIFICATE,
  },
  clientCertificateAnswer: {
    code: 'ERR_REMOTE_PROTOCOL',
    hint: CLIENT_CERTIFICATE,
  },
  plainToTls: {
    code: 'ERR_REMOTE_PROTOCOL',
    hint: 'The server speaks TLS on this port: write https:// in the URL.',
  },
  relayCertificate: {
    code: 'ERR_RELAY_UNREACHABLE',
    hint: 'The certificate of the relay is not trusted here: name the CA with GIT_SSL_CAINFO=/path/ca.crt, and check the date and the host name.',
  },
  credentialCertificate: {
    code: 'ERR_REMOTE_CREDENTIAL_SOURCE',
    hint: 'The certificate of this service is not trusted here: name the CA with SSL_CERT_FILE=/path/ca.crt, and check the date and the host name.',
  },
  webhookCertificate: {
    code: 'ERR_NOTIFY_WEBHOOK',
    hint: 'The certificate of the webhook’s server is not trusted here: name the CA with SSL_CERT_FILE=/path/ca.crt, and check the date and the host name.',
  },
  answerCertificate: {
    code: 'ERR_ANSWER_UNDELIVERED',
    hint: 'The certificate of the forge or receiver is not trusted here: name the CA with SSL_CERT_FILE=/path/ca.crt, and check the date and the host name.',
  },
  serverFailed: {
    code: 'ERR_REMOTE_UNREACHABLE',
    hint: 'The git server answers with an error of its own: look at its log or status page. The sync is tried again.',
  },
  webPage: {
    code: 'ERR_REMOTE_PROTOCOL',
    hint: 'A web page came instead of git’s answer, perhaps a login page: check the URL, give credentials that work without a browser, or except git from the single sign-on. See it with `curl -i URL/info/refs?service=git-upload-pack`.',
  },
  redirect: {
    code: 'ERR_REMOTE_PROTOCOL',
    hint: 'A redirect is not followed where headers (`http.extraHeader`), cookies or a client certificate would go along to another server, where the key of the server is pinned, and never by a relay: write the URL that it leads to, in `--repo` or .gitmodules, and give what that server needs as `http.URL.extraHeader`.',
  },
  shellTalks: {
    code: 'ERR_REMOTE_PROTOCOL',
    hint: 'Something else than git wrote into the connection: over ssh the login shell of the user must print nothing; over http a proxy may have answered.',
  },
  noUser: {
    code: 'ERR_GIT_FAILED',
    hint: 'ssh works only for a user id with an entry in /etc/passwd: set `--add-user`, or install libnss_wrapper (Debian: libnss-wrapper).',
  },
  noSsh: {
    code: 'ERR_GIT_FAILED',
    hint: 'Install the ssh client (Debian: openssh-client), or name it in GIT_SSH_COMMAND.',
  },
  noTransport: {
    code: 'ERR_GIT_FAILED',
    hint: 'This git cannot speak the protocol of the URL: install the whole of git (its git-remote-https), or use another URL.',
  },
  transportForbidden: {
    code: 'ERR_GIT_FAILED',
    hint: 'git refuses this kind of URL in submodules: allow it with `--git-config=protocol.file.allow:always`, or change the URL in .gitmodules.',
  },
  submoduleAway: {
    code: 'ERR_CHECKOUT_SUBMODULE',
    hint: 'Check the URL in .gitmodules and the commit that the repository names, or leave submodules out with `--submodules=off`.',
  },
  submoduleUnreachable: {
    code: 'ERR_CHECKOUT_SUBMODULE',
    hint: 'Its server cannot be reached from here: check DNS, proxy, CA and firewall, or leave submodules out with `--submodules=off`.',
  },
} as const satisfies Record<string, CaseHint>;

export type ErrorCase = keyof typeof CASE_HINTS;
