import { integer, object, parse, string } from '../base/schema.ts';
import { decodeCbor, encodeCbor } from '../protocol/cbor.ts';
import { canonicalHost } from './server-host.ts';
import type { ServerProfile } from './session-contract.ts';
import type { VaultStore } from './vault-store.ts';

/**
 * Servers this client has met and the identity each had at first contact (trust on first use). Kept as one
 * encrypted record each, under a name that does not tell the host which servers these are.
 */
export interface ServerProfiles {
  list(): Promise<readonly ServerProfile[]>;
  get(host: string, port: number): Promise<ServerProfile | undefined>;
  put(profile: ServerProfile): Promise<void>;
  forget(host: string, port: number): Promise<void>;
}

const PREFIX = 'servers/';
const profileSchema = object({
  host: string({ min: 1, max: 253 }),
  port: integer({ min: 1, max: 65535 }),
  name: string({ max: 64 }),
  serverId: string({ min: 64, max: 64 }),
  lastConnected: integer(),
});

/** Opens the list in a vault. */
export function createServerProfiles(vault: VaultStore): ServerProfiles {
  const keyOf = (host: string, port: number): string =>
    `${PREFIX}${vault.recordName(`server\n${canonicalHost(host) ?? host.toLowerCase()}\n${port}`)}`;
  const read = async (key: string): Promise<ServerProfile | undefined> => {
    const encoded = await vault.read(key);
    if (!encoded) return undefined;
    const parsed = parse(profileSchema, decodeCbor(encoded));
    return parsed.ok ? parsed.value : undefined;
  };
  return {
    async list() {
      const profiles: ServerProfile[] = [];
      for (const key of await vault.list(PREFIX)) {
        // A damaged one stops only the connection to that server, where `get` refuses to trust anew.
        const profile = await read(key).catch(() => undefined);
        if (profile) profiles.push(profile);
      }
      return profiles.sort((a, b) => b.lastConnected - a.lastConnected);
    },
    get: async (host, port) => read(keyOf(host, port)),
    async put(profile) {
      await vault.write([{ key: keyOf(profile.host, profile.port), value: encodeCbor({ ...profile }) }]);
    },
    async forget(host, port) {
      await vault.write([{ key: keyOf(host, port), value: undefined }]);
    },
  };
}
