import { createHash, X509Certificate } from 'node:crypto';
import type { Session } from 'electron';
import { equalBytes, type Bytes } from '../../core/base/bytes.ts';
import type { FallbackTarget } from '../../core/base/rpc/host-contract.ts';
import { SESSION_PATH } from '../../core/protocol/server-descriptor.ts';

/** Ways to relays over TCP for Electron's page. */
export interface PinnedCertificates {
  /** Accepts these certificates, and only these, for the host from now on. */
  prepare(target: FallbackTarget): { readonly url: string };
}

/** What Chromium makes of a certificate without us. */
const USE_CHROMIUMS_VERDICT = -3;
const ACCEPT = 0;
const MAX_HOSTS = 64;

// #region Security: ask for a review before changing anything below.

/**
 * Lets the media worker open `wss:` to a relay whose self-signed certificate has one of the hashes of its signed
 * descriptor. Chromium's own check stays in force for every other certificate.
 */
export function pinCertificates(session: Pick<Session, 'setCertificateVerifyProc'>): PinnedCertificates {
  const pinned = new Map<string, readonly Bytes[]>();
  session.setCertificateVerifyProc((request, callback) => {
    const known = pinned.get(plainHost(request.hostname)) ?? [];
    callback(known.length > 0 && isOneOf(known, request.certificate.data) ? ACCEPT : USE_CHROMIUMS_VERDICT);
  });
  return {
    prepare({ host, port, certificateHashes }) {
      const name = plainHost(host);
      pinned.delete(name);
      pinned.set(name, certificateHashes);
      const [oldest] = pinned.keys();
      if (oldest !== undefined && pinned.size > MAX_HOSTS) pinned.delete(oldest);
      return { url: `wss://${name.includes(':') ? `[${name}]` : name}:${port}${SESSION_PATH}` };
    },
  };
}

function isOneOf(known: readonly Bytes[], pem: string): boolean {
  try {
    const hash = new Uint8Array(createHash('sha256').update(new X509Certificate(pem).raw).digest());
    return known.some((candidate) => equalBytes(candidate, hash));
  } catch {
    return false;
  }
}

function plainHost(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
}

// #endregion
