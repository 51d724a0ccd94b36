import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toHex } from '../../../core/base/bytes.ts';
import { DESCRIPTOR_PATH } from '../../../core/protocol/server-descriptor.ts';
import { startRelay } from '../../support/relay-process.ts';
import {
  eventually,
  fetchFromRelay,
  readSignedDescriptor,
  startWireAgent,
  targetOf,
  type WireAgent,
} from './wire-client.ts';

/** Validity, announcement and replacement of certificates in milliseconds, instead of days. */
const SCHEDULE = ['--test-certificates', '86400000,1500,3000'];

describe('the change of certificates', () => {
  let agent: WireAgent;
  beforeAll(async () => {
    agent = await startWireAgent();
  });
  afterAll(() => agent?.stop());

  it('is announced first, drops nobody, and survives a restart', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'conclave-rotation-'));
    const relay = await startRelay({ dataDir, args: SCHEDULE });
    let again;
    try {
      const target = await targetOf(relay);
      const [early, other] = [
        await agent.connect(target, { name: 'Early' }),
        await agent.connect(target, { name: 'Other' }),
      ];
      const room = early.welcome.rooms[0]?.id as number;
      const slots: number[] = [];
      for (const person of [early, other]) {
        await person.request({ t: 'room.enter', room });
        slots.push((await person.request({ t: 'call.join', room })).slot);
      }
      const read = async () => {
        const { body, certificate } = await fetchFromRelay(relay.port, DESCRIPTOR_PATH);
        return {
          hashes: readSignedDescriptor(body, relay.serverId).certs.map((cert) => toHex(cert.sha256)),
          tcp: createHash('sha256').update(certificate).digest('hex'),
        };
      };
      const first = toHex(target.certificateHash);
      const announced = readSignedDescriptor(
        (await early.next('server.descriptor')).descriptor,
        relay.serverId,
      );
      expect(announced.certs).toHaveLength(2);
      expect(toHex(announced.certs[0]?.sha256 as Uint8Array)).toBe(first);
      const second = announced.certs[1]?.sha256 as typeof target.certificateHash;
      expect(await read()).toEqual({ hashes: [first, toHex(second)], tcp: first });

      const replaced = readSignedDescriptor(
        (await early.next('server.descriptor')).descriptor,
        relay.serverId,
      );
      expect(toHex(replaced.certs[0]?.sha256 as Uint8Array)).toBe(toHex(second));
      await eventually('TCP serves the new certificate', async () => (await read()).tcp === toHex(second));

      // The session made under the first certificate goes on, on the stream and with datagrams.
      await early.request({ t: 'ping' });
      const frame = new Uint8Array(100).fill(7);
      frame.set([1, 0, (slots[0] as number) >>> 8, (slots[0] as number) & 0xff]);
      early.sendDatagrams(frame);
      expect(await other.nextDatagram()).toEqual(frame);
      // New sessions get the second one, which their handshake signs; the first is refused by TLS.
      const late = await agent.connect({ ...target, certificateHash: second }, { name: 'Late' });
      expect(
        (await early.next('person.updated', ({ person }) => person.name === 'Late')).person.session,
      ).toBe(late.session);
      await expect(agent.open(target)).rejects.toThrow();

      await relay.stop();
      again = await startRelay({ dataDir, args: ['--test-certificates', '86400000,300000,500000'] });
      expect(toHex((await targetOf(again)).certificateHash)).toBe(toHex(second));
    } finally {
      await relay.stop();
      await again?.stop();
      rmSync(dataDir, { recursive: true, force: true });
    }
  });
});
