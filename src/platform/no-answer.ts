import { CASE_HINTS } from '../model/case-hints.ts';
import { messageOf, SidecarError, systemCode } from '../model/error.ts';

/** `tlsv13 alert certificate required`, of a message that names a thread, numbers and a line of OpenSSL's source too. */
function reasonOfOpenssl(text: string): string | undefined {
  return /^[0-9A-F]+:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):/.exec(text)?.[1];
}

/** What went wrong with a connection, in one line. */
function describeFailure(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return describeFailure(error.errors[0]);
  const text = messageOf(error);
  return reasonOfOpenssl(text) ?? (text || systemCode(error) || 'the connection failed');
}

/** The server ended the handshake because of our certificate, or because there is none (RFC 8446, 6.2). */
function isAboutOurs(cause: unknown): boolean {
  return /alert.*(?:certificate|unknown ca)/i.test(messageOf(cause));
}

/** OpenSSL's and Node's codes for a certificate that is not trusted, too old, or of another host. */
function isAboutCertificate(cause: unknown): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO_VERIFY/.test(systemCode(cause) ?? '') || /certificate/i.test(messageOf(cause));
}

export interface NoAnswerFacts {
  readonly op: string;
  readonly target?: string;
  readonly cause: unknown;
  /** The caller gave up waiting. */
  readonly isLate: boolean;
}

/**
 * No complete answer came over HTTP. Its code is that of a git server: code that asks another kind of server throws an
 * error of its own, with this one as the cause.
 */
export class NoAnswer extends SidecarError {
  /** The server showed a certificate that is not trusted here. */
  readonly isCertificate: boolean;

  constructor({ cause, isLate, ...facts }: NoAnswerFacts) {
    const isOurs = !isLate && isAboutOurs(cause);
    const isCertificate = !isLate && !isOurs && isAboutCertificate(cause);
    super('ERR_REMOTE_UNREACHABLE', {
      ...facts,
      cause,
      isLate,
      detail: isLate ? 'no complete answer in time' : describeFailure(cause),
      ...(isCertificate && { hint: CASE_HINTS.certificate.hint }),
      ...(isOurs && { hint: CASE_HINTS.clientCertificate.hint }),
    });
    this.isCertificate = isCertificate;
  }
}

/** `hint` where `error` is about the certificate of the server. */
export function hintOnCertificate(error: unknown, { hint }: { readonly hint: string }): { hint?: string } {
  return error instanceof NoAnswer && error.isCertificate ? { hint } : {};
}
