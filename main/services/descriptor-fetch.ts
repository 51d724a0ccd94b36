import { DESCRIPTOR_PATH, MAX_DESCRIPTOR_BYTES } from '../../core/protocol/server-descriptor.ts';
import type { Bytes } from '../../core/base/bytes.ts';
import { fetchUntrusted } from './untrusted-fetch.ts';

const TIMEOUT_MS = 5_000;

/** Fetches a relay's signed descriptor. The caller verifies the signature; nothing here is trusted. */
export function fetchDescriptor(target: { readonly host: string; readonly port: number }): Promise<Bytes> {
  return fetchUntrusted({
    ...target,
    path: DESCRIPTOR_PATH,
    maxBytes: MAX_DESCRIPTOR_BYTES,
    timeoutMs: TIMEOUT_MS,
  });
}
