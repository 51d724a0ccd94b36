import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import type { Bytes } from '../../core/base/bytes.ts';

/** A salted hash of a room's password. */
export interface RoomPassword {
  readonly salt: Bytes;
  readonly hash: Bytes;
}

/** 16 MiB and some 40 ms per try, off the event loop (RFC 7914 §2 explains the parameters). */
const PARAMETERS = { N: 16_384, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };

/** Hashes a new password. */
export async function hashRoomPassword(password: string): Promise<RoomPassword> {
  const salt = new Uint8Array(randomBytes(16));
  return { salt, hash: await derive(password, salt) };
}

/** Compares in constant time. */
export async function checkRoomPassword(stored: RoomPassword, password: string): Promise<boolean> {
  const hash = await derive(password, stored.salt);
  return hash.length === stored.hash.length && timingSafeEqual(hash, stored.hash);
}

function derive(password: string, salt: Uint8Array): Promise<Bytes> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFKC'), salt, 32, PARAMETERS, (error, key) => {
      if (error) reject(error);
      else resolve(new Uint8Array(key));
    });
  });
}
