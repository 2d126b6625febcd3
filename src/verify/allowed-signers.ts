/** A line of a file of signers that names a key (ssh-keygen(1), ALLOWED SIGNERS). */
export interface SignerLine {
  readonly principals: readonly string[];
  /** Digits of 14 places, in UTC. */
  readonly validAfter: string | undefined;
  readonly validBefore: string | undefined;
}

/** Of a time of 8, 12 or 14 digits, all 14. */
function digitsOf(options: string, name: 'valid-after' | 'valid-before'): string | undefined {
  const digits = new RegExp(`${name}="?(\\d{8,14})Z?"?`, 'i').exec(options)?.[1];
  return digits?.padEnd(14, '0');
}

/** The lines that name a key. They explain a refusal; whether a signature is good, ssh-keygen decides. */
export function signerLines(signers: string, isWanted: (line: string) => boolean = () => true): readonly SignerLine[] {
  return signers
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.trimStart().startsWith('#') && isWanted(line))
    .map((line) => {
      const principals = (/^\s*(\S+)/.exec(line)?.[1] ?? '').replaceAll('"', '').split(',');
      return {
        principals: principals.filter((name) => name !== ''),
        validAfter: digitsOf(line, 'valid-after'),
        validBefore: digitsOf(line, 'valid-before'),
      };
    });
}

/** The lines that hold this very key. */
export function linesWithKey(signers: string, key: Buffer): readonly SignerLine[] {
  const text = key.toString('base64');
  return signerLines(signers, (line) => line.split(/\s+/).includes(text));
}

/** @param now digits of 14 places, in UTC */
export function isValidAt({ validAfter, validBefore }: SignerLine, now: string): boolean {
  return (validAfter === undefined || validAfter <= now) && (validBefore === undefined || now <= validBefore);
}
