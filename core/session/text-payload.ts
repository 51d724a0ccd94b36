import { equalBytes, type Bytes } from '../base/bytes.ts';
import { bytes, integer, object, parse, string } from '../base/schema.ts';
import { CborError, decodeCbor, encodeCbor } from '../protocol/cbor.ts';

/** Longest text of one message, in UTF-16 units. */
export const MAX_TEXT_LENGTH = 8000;

const payloadSchema = object({
  v: integer({ min: 1, max: 1 }),
  id: bytes({ length: 16 }),
  text: string({ min: 1, max: 2 * MAX_TEXT_LENGTH }),
});

/** The plaintext inside an MLS application message. The id is repeated inside, where the relay cannot change it. */
export function encodeTextPayload(id: Uint8Array, text: string): Bytes {
  return encodeCbor({ v: 1, id, text });
}

/** The text of a payload, or undefined when it is malformed or belongs to another message id. */
export function decodeTextPayload(payload: Uint8Array, id: Uint8Array): string | undefined {
  try {
    const parsed = parse(payloadSchema, decodeCbor(payload, { maxBytes: 64 * 1024, maxDepth: 2 }));
    return parsed.ok && equalBytes(parsed.value.id, id) ? parsed.value.text : undefined;
  } catch (error) {
    if (error instanceof CborError) return undefined;
    throw error;
  }
}
