import type { Bytes } from '../../base/bytes.ts';
import type { KeychainPort, RecordPort } from '../ports.ts';

/** A record store in memory, for tests; it shows what a host would have on disk. */
export function createMemoryRecords(): RecordPort & { readonly stored: Map<string, Bytes> } {
  const stored = new Map<string, Bytes>();
  return {
    stored,
    get: (key) => Promise.resolve(stored.get(key)?.slice()),
    write(changes) {
      for (const { key, value } of changes) {
        if (value === null) stored.delete(key);
        else stored.set(key, value.slice());
      }
      return Promise.resolve();
    },
    list: (prefix) => Promise.resolve([...stored.keys()].filter((key) => key.startsWith(prefix)).sort()),
  };
}

/** A keychain in memory, or one that is not there. */
export function createMemoryKeychain(
  available: boolean,
): KeychainPort & { readonly secrets: Map<string, string> } {
  const secrets = new Map<string, string>();
  return {
    secrets,
    status: () =>
      Promise.resolve(
        available
          ? { available: true as const, backend: 'memory' }
          : { available: false as const, reason: 'There is no session bus.' },
      ),
    get: (account) => Promise.resolve(secrets.get(account)),
    set(account, secret) {
      if (!available) return Promise.reject(new Error('no keychain'));
      secrets.set(account, secret);
      return Promise.resolve();
    },
  };
}
