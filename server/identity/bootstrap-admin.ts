import { fromHex } from '../../core/base/bytes.ts';
import { failure, success, type Result } from '../../core/base/result.ts';
import type { RelayDatabase } from '../store/relay-database.ts';
import { parseDisplayName } from './display-name.ts';
import { claimName } from './handshake.ts';

/** What became of the request to make a first admin. */
export type BootstrapOutcome = 'none' | 'made' | 'ignored';

const DONE = 'bootstrap_admin_done';

/**
 * Makes the first admin of an empty database, once. Later starts ignore the variables, so that a forgotten
 * environment file cannot hand the server to somebody again.
 */
export function bootstrapAdmin(
  database: RelayDatabase,
  environment: Readonly<Record<string, string | undefined>>,
): Result<BootstrapOutcome, string> {
  const key = environment['CONCLAVE_BOOTSTRAP_ADMIN_KEY'] ?? environment['AURA_BOOTSTRAP_ADMIN_KEY'];
  const rawName = environment['CONCLAVE_BOOTSTRAP_ADMIN_NAME'] ?? environment['AURA_BOOTSTRAP_ADMIN_NAME'];
  if (key === undefined || key === '') return success('none');
  const identity = fromHex(key);
  if (identity?.length !== 32)
    return failure('BOOTSTRAP_ADMIN_KEY must be an Ed25519 public key of 64 hexadecimal digits.');
  const name = rawName === undefined || rawName === '' ? undefined : parseDisplayName(rawName);
  if (rawName && !name)
    return failure(
      'BOOTSTRAP_ADMIN_NAME must be a name of 1 to 32 visible characters with a letter or digit.',
    );
  if (database.meta(DONE) !== undefined || !database.isEmpty()) return success('ignored');
  database.transaction(() => {
    database.addIdentity(identity);
    if (name) claimName(database.names, name, identity, true);
    database.addRole(identity, 'admin');
    database.setVerified(identity, true);
    database.setMeta(DONE, '1');
  });
  return success('made');
}
