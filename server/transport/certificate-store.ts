import { existsSync, readFileSync } from 'node:fs';
import { parse, object, string, integer } from '../../core/base/schema.ts';
import { writePrivateFile } from '../identity/server-key.ts';
import {
  certificateDer,
  certificateHash,
  createSelfSignedCertificate,
  isPrivateKeyPem,
  type ServerCertificate,
} from './self-signed-certificate.ts';

/** The certificate in use and, once it is announced, the one after it. */
export interface CertificatePair {
  readonly current: ServerCertificate;
  readonly next: ServerCertificate | undefined;
}

/** When certificates change. Times in milliseconds. */
export interface CertificateSchedule {
  readonly validity: number;
  /** Age at which the next certificate is made and its hash announced. */
  readonly announceAfter: number;
  /** Age at which the next one is taken into use. */
  readonly replaceAfter: number;
}

const DAY = 86_400_000;

/**
 * 13 of the 14 days a browser accepts, replaced after 9: whoever was away for up to four days still finds a
 * certificate whose hash they were told.
 */
export const CERTIFICATE_SCHEDULE: CertificateSchedule = {
  validity: 13 * DAY,
  announceAfter: 5 * DAY,
  replaceAfter: 9 * DAY,
};

/** Clocks of clients may be this far behind. */
const BACKDATE = 3_600_000;

/** The relay's certificates, kept in a file so that a restart does not change the hash. */
export interface CertificateStore {
  readonly pair: CertificatePair;
  /** Brings the pair up to date; gives what changed and when to look again (absolute time). */
  advance(now: number): {
    readonly replaced: boolean;
    readonly announced: boolean;
    readonly nextCheck: number;
  };
}

const storedCertificate = object({
  certificate: string({ max: 8192 }),
  key: string({ max: 8192 }),
  notBefore: integer(),
  notAfter: integer(),
});

/** Loads the certificates of an earlier run or makes the first one. */
export function openCertificateStore(
  path: string,
  now: number,
  schedule: CertificateSchedule,
): CertificateStore {
  let pair = load(path);
  const age = (certificate: ServerCertificate): number => now - certificate.notBefore - BACKDATE;
  const make = (at: number): ServerCertificate =>
    createSelfSignedCertificate(at - BACKDATE, at - BACKDATE + schedule.validity);
  const save = (): void => {
    if (pair)
      writePrivateFile(
        path,
        JSON.stringify({ current: toStored(pair.current), next: pair.next && toStored(pair.next) }),
      );
  };
  // One that expired while the relay was off is of no use to anybody.
  if (!pair || pair.current.notAfter <= now || age(pair.current) < -BACKDATE) {
    pair = { current: make(now), next: undefined };
    save();
  }
  // One hour with the usual schedule: the least time between an announcement and the change.
  const grace = Math.ceil((schedule.replaceAfter - schedule.announceAfter) / 96);
  const store: CertificateStore = {
    get pair() {
      return pair as CertificatePair;
    },
    advance(at) {
      let { current, next } = pair as CertificatePair;
      const madeAt = (certificate: ServerCertificate): number => certificate.notBefore + BACKDATE;
      let announced = false;
      let replaced = false;
      if (!next && at >= madeAt(current) + schedule.announceAfter) {
        next = make(at);
        announced = true;
      }
      // A certificate announced just now (the relay was off for days) waits for the next look, unless the
      // current one is about to end.
      if (
        next &&
        at >= madeAt(current) + schedule.replaceAfter &&
        (!announced || at >= current.notAfter - DAY)
      ) {
        current = next;
        next = undefined;
        replaced = true;
      }
      if (announced || replaced) {
        pair = { current, next };
        save();
      }
      const made = madeAt(current);
      return {
        replaced,
        announced,
        nextCheck: Math.max(at + grace, made + (next ? schedule.replaceAfter : schedule.announceAfter)),
      };
    },
  };
  return store;
}

function toStored(certificate: ServerCertificate) {
  return {
    certificate: certificate.certificatePem,
    key: certificate.privateKeyPem,
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
  };
}

function load(path: string): CertificatePair | undefined {
  if (!existsSync(path)) return undefined;
  let document: unknown;
  try {
    document = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
  const { current, next } = (document ?? {}) as { readonly current?: unknown; readonly next?: unknown };
  const first = fromStored(current);
  return first && { current: first, next: fromStored(next) };
}

function fromStored(value: unknown): ServerCertificate | undefined {
  const parsed = parse(storedCertificate, value);
  if (!parsed.ok || !isPrivateKeyPem(parsed.value.key)) return undefined;
  const { certificate, key, notBefore, notAfter } = parsed.value;
  return {
    certificatePem: certificate,
    privateKeyPem: key,
    sha256: certificateHash(certificateDer(certificate)),
    notBefore,
    notAfter,
  };
}
