import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SidecarError } from '../../src/model/error.ts';
import { readCapabilities } from '../../src/remote/wire/capabilities.ts';
import { readLsRefs, writeLsRefs } from '../../src/remote/wire/ls-refs.ts';
import { DELIMITER_PACKET, dataPacket, FLUSH_PACKET, packetText, readPackets } from '../../src/remote/wire/pkt-line.ts';

/** Bytes that look enough like the protocol to get past the first check. */
const almostPackets = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
      fc.string({ maxLength: 60 }).map((text) => dataPacket(text)),
      fc.constantFrom(
        FLUSH_PACKET,
        DELIMITER_PACKET,
        Buffer.from('0002'),
        Buffer.from('0003'),
        Buffer.from('ffff'),
        Buffer.from('000'),
        dataPacket('version 2'),
        dataPacket('ERR no'),
      ),
      fc.stringMatching(/^[0-9a-f]{40}$/).map((oid) => dataPacket(`${oid} refs/heads/x`)),
    ),
    { maxLength: 12 },
  )
  .map((parts) => Buffer.concat(parts));

function onlyTypedErrors(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(SidecarError);
  }
}

describe('fuzzing the wire parser', () => {
  test('any bytes: no crash, no hang, typed errors only', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          almostPackets,
          fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
        ),
        (bytes) => {
          onlyTypedErrors(() => [...readPackets(bytes)]);
          onlyTypedErrors(() => [...readLsRefs(bytes)]);
          onlyTypedErrors(() => readCapabilities(bytes));
        },
      ),
      { numRuns: 20_000 },
    );
  });

  test('what is written can be read', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 200 }).map((text) => text.replaceAll('\n', ''))), (texts) => {
        const read = [...readPackets(Buffer.concat(texts.map(dataPacket)))].map((packet) =>
          packet.kind === 'data' ? packetText(packet.payload) : packet.kind,
        );
        expect(read).toEqual(texts);
      }),
    );
  });

  test('an answer that is cut anywhere is an error, never fewer refs', () => {
    const oid = 'a'.repeat(40);
    const answer = Buffer.concat([
      dataPacket(`${oid} HEAD symref-target:refs/heads/main`),
      dataPacket(`${oid} refs/heads/main`),
      FLUSH_PACKET,
    ]);
    expect([...readLsRefs(answer)]).toHaveLength(2);
    for (let length = 0; length < answer.length; length += 1)
      expect(() => [...readLsRefs(answer.subarray(0, length))]).toThrow(SidecarError);
  });

  test('questions are well-formed packets whatever the ref is called', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 100 })), (prefixes) => {
        const packets = [...readPackets(writeLsRefs({ prefixes, objectFormat: 'sha1', agent: 'x' }))];
        expect(packets.at(-1)?.kind).toBe('flush');
      }),
    );
  });
});
