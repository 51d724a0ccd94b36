import { describe, expect, it } from 'vitest';
import { mlsExporter } from 'ts-mls';
import { fromHex, toHex, type Bytes } from '../base/bytes.ts';
import type { MediaKind } from '../protocol/media-datagram.ts';
import contexts from '../../test/fixtures/mls/exporter-contexts.json' with { type: 'json' };
import keySchedule from '../../test/fixtures/mls/key-schedule-exporter.json' with { type: 'json' };
import stored from '../../test/fixtures/mls/stored-groups.json' with { type: 'json' };
import { frameKeyContext, restoreGroup } from './group.ts';
import { MLS_SUITES, suiteImplementation, type MlsSuite } from './suite.ts';

const hex = (text: string): Bytes => fromHex(text) as Bytes;

describe('fixed vectors', () => {
  it('frame key contexts', () => {
    for (const { identity, session, kind, context } of contexts.contexts)
      expect(toHex(frameKeyContext(hex(identity), session, kind as MediaKind))).toBe(context);
  });

  it('the exporter agrees with the key schedule vectors of the MLS working group', async () => {
    const names = new Map<number, MlsSuite>([
      [1, 'MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519'],
      [2, 'MLS_128_DHKEMP256_AES128GCM_SHA256_P256'],
    ]);
    let checked = 0;
    for (const { cipher_suite, epochs } of keySchedule.suites) {
      const implementation = await suiteImplementation(names.get(cipher_suite) as MlsSuite);
      for (const { exporter_secret, exporter } of epochs) {
        const { label, context, length, secret } = exporter;
        expect(
          toHex(await mlsExporter(hex(exporter_secret), label, hex(context), length, implementation)),
        ).toBe(secret);
        checked += 1;
      }
    }
    expect(checked).toBeGreaterThan(2);
  });

  it('groups stored by this version can be read, and export the same keys', async () => {
    expect(stored.groups.map((entry) => entry.suite)).toEqual([...MLS_SUITES]);
    for (const entry of stored.groups) {
      const group = await restoreGroup(
        {
          groupId: hex(entry.groupId),
          suite: entry.suite as MlsSuite,
          kind: 'call',
          wallTime: () => Date.now(),
        },
        hex(entry.state),
      );
      expect(toHex(group.epochAuthenticator)).toBe(entry.epochAuthenticator);
      expect(toHex(group.own.identity)).toBe(entry.identity);
      expect(group.own.session).toBe(entry.session);
      for (const { identity, session, kind, key } of entry.frameKeys)
        expect(toHex(await group.exportFrameKey(hex(identity), session, kind as MediaKind))).toBe(key);
      // Reading and writing again changes nothing.
      expect(toHex(group.serialise())).toBe(entry.state);
    }
  });
});
