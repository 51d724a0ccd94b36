import { CodedError } from '../base/coded-error.ts';
import type { WireErrorCode } from '../protocol/error-code.ts';
import type { SessionFailure } from './session-contract.ts';

/** What can go wrong on this side of the wire, in addition to what a relay reports. */
export const SESSION_ERROR_CODES = [
  'unreachable',
  'not_conclave',
  'descriptor_invalid',
  'descriptor_expired',
  'server_identity_changed',
  'server_not_authentic',
  'transport_failed',
  'timeout',
  'disconnected',
  'vault_absent',
  'vault_exists',
  'vault_locked',
  'vault_damaged',
  'passphrase_required',
  'passphrase_wrong',
  'passphrase_weak',
  'keychain_failed',
  'display_name_invalid',
  'room_not_open',
  'message_empty',
  'message_too_long',
  'cancelled',
] as const;

/** A code of the session worker. */
export type SessionErrorCode = (typeof SESSION_ERROR_CODES)[number] | WireErrorCode;

/** Makes a coded error of the session worker. */
export function sessionError(code: SessionErrorCode, message: string, retryAfterMs?: number): CodedError {
  return new CodedError(code, message, retryAfterMs);
}

/** What to tell a person about an error of any kind. */
export function toFailure(error: unknown): SessionFailure {
  if (error instanceof CodedError) return { code: error.code, message: error.message };
  return { code: 'internal', message: 'Something went wrong inside Conclave. Try again.' };
}
