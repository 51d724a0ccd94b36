import { CodedError } from '../base/coded-error.ts';

/** The closed list of errors that cross the wire. The text tells a person what was wrong and what to do. */
export const WIRE_ERROR_CODES = [
  'protocol_error',
  'version_unsupported',
  'bad_signature',
  'password_required',
  'password_wrong',
  'name_taken',
  'name_reserved',
  'name_invalid',
  'name_confusable',
  'identity_in_use',
  'server_full',
  'banned',
  'rate_limited',
  'message_too_large',
  'unknown_request',
  'not_allowed',
  'verification_required',
  'room_not_found',
  'room_full',
  'room_password_required',
  'room_password_wrong',
  'room_name_taken',
  'room_limit_reached',
  'room_not_empty',
  'not_in_room',
  'not_in_call',
  'not_subscribed',
  'group_not_found',
  'group_exists',
  'stale_epoch',
  'no_key_package',
  'person_not_found',
  'server_closing',
  'storage_failed',
  'internal',
] as const;

/** A code that a relay may send. */
export type WireErrorCode = (typeof WIRE_ERROR_CODES)[number];

/** An error meant for the other side of the wire. */
export type WireError = CodedError<WireErrorCode>;

/** Makes a WireError. */
export function wireError(code: WireErrorCode, message: string, retryAfterMs?: number): WireError {
  return new CodedError(code, message, retryAfterMs);
}
