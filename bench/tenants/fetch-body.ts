import { DELIMITER_PACKET, FLUSH_PACKET } from '../../src/remote/wire/pkt-line.ts';

/** A data packet of any bytes: our own writer refuses some of them. */
export function packet(text: string): Buffer {
  const payload = Buffer.from(text, 'latin1');
  return Buffer.concat([Buffer.from((payload.length + 4).toString(16).padStart(4, '0')), payload]);
}

/** A protocol v2 fetch (gitprotocol-v2, "fetch") of any arguments. */
export function fetchBody(args: readonly string[], capabilities: readonly string[] = ['object-format=sha1']): Buffer {
  return Buffer.concat([
    packet('command=fetch\n'),
    ...capabilities.map((each) => packet(`${each}\n`)),
    DELIMITER_PACKET,
    ...args.map((each) => packet(`${each}\n`)),
    FLUSH_PACKET,
  ]);
}
