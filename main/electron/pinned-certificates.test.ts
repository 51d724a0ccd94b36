import type { Session } from 'electron';
import { describe, expect, it } from 'vitest';
import { createSelfSignedCertificate } from '../../server/transport/self-signed-certificate.ts';
import { pinCertificates } from './pinned-certificates.ts';

type Verify = Parameters<NonNullable<Parameters<Session['setCertificateVerifyProc']>[0]>>;

function fakeSession(): {
  readonly session: Pick<Session, 'setCertificateVerifyProc'>;
  verdict(hostname: string, pem: string): number;
} {
  let verify: Parameters<Session['setCertificateVerifyProc']>[0] = null;
  return {
    session: {
      setCertificateVerifyProc(proc) {
        verify = proc;
      },
    },
    verdict(hostname, pem) {
      let answer = Number.NaN;
      verify?.({ hostname, certificate: { data: pem } } as Verify[0], (result) => {
        answer = result;
      });
      return answer;
    },
  };
}

/** A certificate as a relay makes it. */
const makeCertificate = () => createSelfSignedCertificate(Date.now(), Date.now() + 86_400_000);

describe('pinned certificates', () => {
  it('accept the certificate of the descriptor for its host only, and leave the rest to Chromium', () => {
    const [own, other] = [makeCertificate(), makeCertificate()];
    const { session, verdict } = fakeSession();
    const pinned = pinCertificates(session);
    expect(verdict('harbour.example', own.certificatePem)).toBe(-3);
    const { url } = pinned.prepare({ host: 'Harbour.example', port: 8443, certificateHashes: [own.sha256] });
    expect(url).toBe('wss://harbour.example:8443/session');
    expect(verdict('harbour.example', own.certificatePem)).toBe(0);
    expect(verdict('harbour.example', other.certificatePem)).toBe(-3);
    expect(verdict('elsewhere.example', own.certificatePem)).toBe(-3);
    expect(verdict('harbour.example', 'not a certificate')).toBe(-3);
  });

  it('forget the hashes of before, and write IPv6 addresses as an address bar does', () => {
    const [before, now] = [makeCertificate(), makeCertificate()];
    const { session, verdict } = fakeSession();
    const pinned = pinCertificates(session);
    pinned.prepare({ host: '::1', port: 1, certificateHashes: [before.sha256] });
    const { url } = pinned.prepare({ host: '::1', port: 2, certificateHashes: [now.sha256] });
    expect(url).toBe('wss://[::1]:2/session');
    expect(verdict('[::1]', before.certificatePem)).toBe(-3);
    expect(verdict('[::1]', now.certificatePem)).toBe(0);
  });
});
