import { createHash, createPrivateKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { concatBytes, utf8, type Bytes } from '../../core/base/bytes.ts';

/** A certificate with its key, as the QUIC and TLS listeners want them. */
export interface ServerCertificate {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  /** SHA-256 of the DER certificate, what clients pin. */
  readonly sha256: Bytes;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/**
 * Makes an ECDSA P-256 certificate signed by itself. Browsers accept such a certificate by its hash when it
 * is valid for at most 14 days (W3C WebTransport, "serverCertificateHashes"). The few fields of RFC 5280
 * needed here are written out, which is far less code than an X.509 library would bring into the relay.
 */
export function createSelfSignedCertificate(notBefore: number, notAfter: number): ServerCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ecdsaWithSha256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));
  const name = sequence(tlv(0x31, sequence(oid(0x55, 0x04, 0x03), tlv(0x0c, utf8('Conclave relay')))));
  const serial = new Uint8Array(randomBytes(16));
  // A positive INTEGER without a leading zero byte.
  serial[0] = ((serial[0] as number) & 0x7f) | 0x40;
  const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
  // subjectAltName with dNSName "conclave": Rust's certificate parsers want one, nobody compares it.
  const alternativeName = sequence(oid(0x55, 0x1d, 0x11), tlv(0x04, sequence(tlv(0x82, utf8('conclave')))));
  const toBeSigned = sequence(
    tlv(0xa0, tlv(0x02, Uint8Array.of(2))),
    tlv(0x02, serial),
    ecdsaWithSha256,
    name,
    sequence(encodeTime(notBefore), encodeTime(notAfter)),
    name,
    spki,
    tlv(0xa3, sequence(alternativeName)),
  );
  const signature = sign('sha256', toBeSigned, privateKey);
  const der = sequence(toBeSigned, ecdsaWithSha256, tlv(0x03, concatBytes(Uint8Array.of(0), signature)));
  return {
    certificatePem: pem('CERTIFICATE', der),
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    sha256: certificateHash(der),
    // The encoding holds whole seconds.
    notBefore: Math.floor(notBefore / 1000) * 1000,
    notAfter: Math.floor(notAfter / 1000) * 1000,
  };
}

/** The DER bytes of a PEM certificate. */
export function certificateDer(certificatePem: string): Bytes {
  const body = certificatePem.replace(/-----[A-Z ]+-----|\s/g, '');
  return new Uint8Array(Buffer.from(body, 'base64'));
}

/** SHA-256 of a DER certificate. */
export function certificateHash(der: Uint8Array): Bytes {
  return new Uint8Array(createHash('sha256').update(der).digest());
}

/** Whether this text is a usable private key; for files read back from disk. */
export function isPrivateKeyPem(text: string): boolean {
  try {
    return createPrivateKey(text).asymmetricKeyType === 'ec';
  } catch {
    return false;
  }
}

function tlv(tag: number, ...parts: readonly Uint8Array[]): Bytes {
  const content = concatBytes(...parts);
  const length = content.length;
  if (length < 0x80) return concatBytes(Uint8Array.of(tag, length), content);
  if (length < 0x100) return concatBytes(Uint8Array.of(tag, 0x81, length), content);
  return concatBytes(Uint8Array.of(tag, 0x82, length >>> 8, length & 0xff), content);
}

function sequence(...parts: readonly Uint8Array[]): Bytes {
  return tlv(0x30, ...parts);
}

function oid(...encoded: readonly number[]): Bytes {
  return tlv(0x06, Uint8Array.from(encoded));
}

/** UTCTime until 2049 and GeneralizedTime after, as RFC 5280 §4.1.2.5 demands. */
function encodeTime(time: number): Bytes {
  const digits = new Date(time).toISOString().replace(/[-:T]/g, '').slice(0, 14);
  return Number(digits.slice(0, 4)) < 2050
    ? tlv(0x17, utf8(`${digits.slice(2)}Z`))
    : tlv(0x18, utf8(`${digits}Z`));
}

function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
