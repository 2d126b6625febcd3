import { messageOf, SidecarError } from '../../model/error.ts';
import type { Notification } from '../../notify/notification.ts';
import type { Reports } from '../../relay/client/reports.ts';
import type { WiringOptions } from './wire.ts';

/** Reports to the relay when the exechook fails again and again for a revision. */
export class ExechookReport {
  readonly #reports: Pick<Reports, 'hook'>;
  readonly #most: number;
  readonly #redact: (text: string) => string;
  #oid: string | undefined;
  #failures = 0;

  /** @param most failed attempts in a row @param redact takes secrets out of a text */
  constructor(reports: Pick<Reports, 'hook'>, most: number, redact: (text: string) => string) {
    this.#reports = reports;
    this.#most = most;
    this.#redact = redact;
  }

  /** An attempt is over. */
  note(success: boolean, { oid, ref }: Notification, error?: unknown): void {
    if (this.#oid !== oid) this.#failures = 0;
    this.#oid = oid;
    this.#failures = success ? 0 : this.#failures + 1;
    if (success) this.#reports.hook(undefined);
    else if (this.#failures >= this.#most) {
      const why = error instanceof SidecarError ? error.detail : messageOf(error);
      this.#reports.hook({ ref, oid, reason: this.#redact(`the exechook failed: ${why}`) });
    }
  }
}

/** undefined: the exechook is not reported. */
export function openExechookReport(reports: Reports, { config, redactor }: WiringOptions): ExechookReport | undefined {
  const most = config.relay?.exechookFailures ?? 0;
  return most === 0 ? undefined : new ExechookReport(reports, most, (text) => redactor.redact(text));
}
