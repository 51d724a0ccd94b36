import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toHex } from '../../core/base/bytes.ts';
import { CERTIFICATE_SCHEDULE, openCertificateStore } from './certificate-store.ts';
import { certificateDer, certificateHash, createSelfSignedCertificate } from './self-signed-certificate.ts';

const DAY = 86_400_000;

describe('a certificate', () => {
  it('is what browsers accept by hash: ECDSA P-256, self-signed, valid as asked', () => {
    for (const start of [Date.UTC(2026, 0, 1), Date.UTC(2049, 11, 25), Date.UTC(2051, 5, 1)]) {
      const made = createSelfSignedCertificate(start, start + 13 * DAY);
      const read = new X509Certificate(made.certificatePem);
      expect(read.verify(read.publicKey)).toBe(true);
      expect(read.publicKey.asymmetricKeyDetails).toMatchObject({ namedCurve: 'prime256v1' });
      expect([Date.parse(read.validFrom), Date.parse(read.validTo)]).toEqual([start, start + 13 * DAY]);
      expect(read.fingerprint256.replaceAll(':', '').toLowerCase()).toBe(toHex(made.sha256));
      expect(toHex(certificateHash(certificateDer(made.certificatePem)))).toBe(toHex(made.sha256));
    }
  });
});

describe('the certificate store', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'conclave-certificates-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  const start = Date.UTC(2026, 0, 1);
  const open = (now: number) => openCertificateStore(join(directory, 'c.json'), now, CERTIFICATE_SCHEDULE);

  it('announces at five days and replaces at nine, for ever', () => {
    const store = open(start);
    expect(statSync(join(directory, 'c.json')).mode & 0o077).toBe(0);
    let now = start;
    let changes = 0;
    for (let round = 0; round < 20; round++) {
      const before = store.pair;
      const { nextCheck } = store.advance(now);
      expect(nextCheck).toBeGreaterThan(now);
      const { announced, replaced } = store.advance(nextCheck);
      expect([announced, replaced].filter(Boolean)).toHaveLength(1);
      if (replaced) {
        changes++;
        expect(store.pair.current).toBe(before.next);
      }
      now = nextCheck;
      expect(store.pair.current.notBefore).toBeLessThan(now);
      expect(store.pair.current.notAfter - now).toBeGreaterThan(DAY);
    }
    expect(changes).toBe(10);
  });

  it('keeps the hash over a restart and announces before it replaces after a long pause', () => {
    const first = open(start).pair.current.sha256;
    const later = open(start + 10 * DAY);
    expect(later.pair.current.sha256).toEqual(first);
    const outcome = later.advance(start + 10 * DAY);
    expect(outcome).toMatchObject({
      announced: true,
      replaced: false,
      nextCheck: start + 10 * DAY + DAY / 24,
    });
    const reopened = open(start + 10 * DAY + 1);
    expect(reopened.pair.next?.sha256).toEqual(later.pair.next?.sha256);
  });

  it('starts over when the certificate expired or the file is damaged', () => {
    const first = open(start).pair.current.sha256;
    expect(open(start + 20 * DAY).pair.current.sha256).not.toEqual(first);
    writeFileSync(join(directory, 'c.json'), '{"current":{"certificate":"x"');
    expect(open(start).pair.current.notAfter).toBeGreaterThan(start);
  });
});
