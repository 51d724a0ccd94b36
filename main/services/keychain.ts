import { createHash } from 'node:crypto';
import { systemClock, withTimeout, type Clock } from '../../core/base/async.ts';
import { CodedError } from '../../core/base/coded-error.ts';
import type { KeychainStatus } from '../../core/base/rpc/host-contract.ts';

/** The system's keychain. Holds the wrapped vault key, nothing else. */
export interface Keychain {
  status(): Promise<KeychainStatus>;
  get(account: string): Promise<string | null>;
  set(account: string, secret: string): Promise<void>;
  delete(account: string): Promise<void>;
}

/** The part of the keytar API that is used. */
export interface KeytarApi {
  getPassword(service: string, account: string): Promise<string | null>;
  setPassword(service: string, account: string, password: string): Promise<void>;
  deletePassword(service: string, account: string): Promise<boolean>;
  findCredentials(
    service: string,
  ): Promise<readonly { readonly account: string; readonly password: string }[]>;
}

/** Long enough for a person to answer the system's "unlock keychain" dialog. */
const ANSWER_MS = 60_000;
/** A probe must not hold up the start. */
const PROBE_MS = 5_000;

const BACKENDS: Readonly<Record<string, string>> = {
  linux: 'Secret Service',
  darwin: 'Keychain',
  win32: 'Credential Manager',
};

/**
 * Wraps the keytar API. Nothing is loaded before the first question, and no failure of the native module or
 * of the system's service reaches the caller as anything but "unavailable" with the reason.
 *
 * @param profile path of the profile; each profile has its own entries
 */
export function createKeychain(options: {
  readonly profile: string;
  readonly load?: () => Promise<KeytarApi>;
  readonly clock?: Clock;
}): Keychain {
  const { profile, load = loadKeytar, clock = systemClock } = options;
  const service = `conclave-${createHash('sha256').update(profile).digest('hex').slice(0, 16)}`;
  let loading: Promise<KeytarApi> | undefined;
  const api = (): Promise<KeytarApi> => (loading ??= load());
  const ask = <T>(milliseconds: number, question: (keytar: KeytarApi) => Promise<T>): Promise<T> =>
    withTimeout(
      clock,
      milliseconds,
      api().then(question),
      () => new CodedError('keychain_failed', 'The system keychain did not answer'),
    );
  const use = async <T>(question: (keytar: KeytarApi) => Promise<T>): Promise<T> => {
    try {
      return await ask(ANSWER_MS, question);
    } catch {
      // The native error may name the entry; the person needs to know only what to do.
      throw new CodedError(
        'keychain_failed',
        'The system keychain refused or is not running. Unlock it and try again, or use a passphrase.',
      );
    }
  };
  return {
    async status() {
      try {
        // `getPassword` answers null also when there is no keychain at all; listing fails then.
        await ask(PROBE_MS, (keytar) => keytar.findCredentials(service));
        return { available: true, backend: BACKENDS[process.platform] ?? 'System keychain' };
      } catch {
        return { available: false, reason: unavailableReason() };
      }
    },
    get: (account) =>
      use(async (keytar) => {
        const found = await keytar.getPassword(service, account);
        if (found !== null) return found;
        const all = await keytar.findCredentials(service);
        return all.find((entry) => entry.account === account)?.password ?? null;
      }),
    set: (account, secret) => use((keytar) => keytar.setPassword(service, account, secret)),
    delete: (account) =>
      use(async (keytar) => {
        await keytar.deletePassword(service, account);
      }),
  };
}

function unavailableReason(): string {
  if (process.platform === 'linux' && !process.env['DBUS_SESSION_BUS_ADDRESS'])
    return 'There is no session bus, so the Secret Service (GNOME Keyring, KWallet) cannot be reached';
  if (process.platform === 'linux')
    return 'No Secret Service (GNOME Keyring, KWallet) answers on the session bus';
  return 'The system keychain cannot be opened';
}

async function loadKeytar(): Promise<KeytarApi> {
  // A variable specifier: the native module stays out of every bundle and may be missing.
  const name = 'keytar/keytar.js';
  const loaded = (await import(name)) as { readonly default?: KeytarApi } & KeytarApi;
  return loaded.default ?? loaded;
}
