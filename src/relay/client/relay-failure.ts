import { CASE_HINTS } from '../../model/case-hints.ts';
import { asSidecarError, SidecarError } from '../../model/error.ts';
import { hintOnCertificate } from '../../platform/no-answer.ts';

export interface RelayAttempt {
  readonly op: string;
  /** URL of the relay. */
  readonly relay: string;
}

/** The error of a relay that could not be asked, whatever went wrong on the way. An error of the relay stays as it is. */
export function relayUnreachable(cause: unknown, { op, relay }: RelayAttempt): SidecarError {
  const error = asSidecarError(cause, op);
  if (error.stage === 'relay') return error;
  const hint = hintOnCertificate(cause, CASE_HINTS.relayCertificate);
  return new SidecarError('ERR_RELAY_UNREACHABLE', { op, target: relay, detail: error.detail, cause, ...hint });
}

/** The error of an answer with a status that says no. */
export function relayRefusal(status: number, text: string, { op, relay }: RelayAttempt): SidecarError {
  const code = [401, 403, 404].includes(status) ? 'ERR_RELAY_REFUSED' : 'ERR_RELAY_UNREACHABLE';
  return new SidecarError(code, { op, target: relay, detail: `status ${status}: ${text}` });
}

/** git and the native fetch take a relay for a git server; where they could not get at it, it is the relay that is named. */
export function objectsUnavailable(error: SidecarError, relay: string): SidecarError {
  const facts = { op: 'fetch from the relay', target: relay, detail: error.detail, cause: error };
  if (error.stage !== 'remote') return error;
  if (error.is('refused')) return new SidecarError('ERR_RELAY_REFUSED', facts);
  return error.is('no-answer') ? new SidecarError('ERR_RELAY_UNREACHABLE', facts) : error;
}
