import { createMutex } from '../base/async.ts';
import { toHex } from '../base/bytes.ts';
import { array, object, parse, string } from '../base/schema.ts';
import { decodeCbor, encodeCbor, type CborValue } from '../protocol/cbor.ts';
import type { Notice } from './session-contract.ts';
import { foldedName, memberName } from './shown-name.ts';
import type { VaultStore } from './vault-store.ts';

/**
 * The names the people of a server had whenever this client met them in a group. A relay cannot rename
 * anybody, since names stand in signed credentials, but it can bring in somebody of its own under the name of
 * another: then two keys have one name, and that is told.
 */
export interface PeopleNames {
  /** Takes note of the members of a group; gives what a person should know. @param serverId hex */
  meet(
    serverId: string,
    members: readonly { readonly identity: Uint8Array; readonly name: string }[],
  ): Promise<readonly Notice[]>;
}

const MAX_PEOPLE = 2_000;
const MAX_NAMES_PER_PERSON = 8;
const schema = array(
  object({
    identity: string({ min: 64, max: 64 }),
    names: array(string({ min: 1, max: 64 }), { max: MAX_NAMES_PER_PERSON }),
  }),
  { max: MAX_PEOPLE },
);

/** Opens the names kept in a vault, one record for each server. */
export function createPeopleNames(vault: VaultStore): PeopleNames {
  const mutex = createMutex();
  const loaded = new Map<string, Map<string, readonly string[]>>();
  const keyOf = (serverId: string): string => `people/${vault.recordName(`names\n${serverId}`)}`;
  const load = async (serverId: string): Promise<Map<string, readonly string[]>> => {
    const cached = loaded.get(serverId);
    if (cached) return cached;
    const encoded = await vault.read(keyOf(serverId));
    const parsed = encoded && parse(schema, decodeCbor(encoded, { maxBytes: 8 * 1024 * 1024, maxDepth: 4 }));
    const known = new Map<string, readonly string[]>(
      parsed?.ok ? parsed.value.map(({ identity, names }) => [identity, names]) : [],
    );
    loaded.set(serverId, known);
    return known;
  };
  return {
    meet: (serverId, members) =>
      mutex.run(async () => {
        const known = await load(serverId);
        const notices: Notice[] = [];
        let changed = false;
        for (const member of members) {
          if (member.name === '') continue;
          const identity = toHex(member.identity);
          const name = memberName(member);
          const names = known.get(identity) ?? [];
          if (names.includes(name)) continue;
          const last = names.at(-1);
          if (last !== undefined)
            notices.push({
              severity: 'warning',
              code: 'name_changed',
              message: `“${last}” now goes by the name “${name}” (key ${identity.slice(0, 8)}…). It is the same key as before.`,
            });
          const folded = foldedName(name);
          const other = [...known].find(
            ([key, theirs]) =>
              key !== identity && theirs.some((theirName) => foldedName(theirName) === folded),
          );
          if (other)
            notices.push({
              severity: 'warning',
              code: 'name_shared',
              message:
                `Somebody goes by the name “${name}” with another key (${identity.slice(0, 8)}…) than the one you ` +
                `knew by that name (${other[0].slice(0, 8)}…). It may be another person. Compare fingerprints before you trust them.`,
            });
          known.delete(identity);
          known.set(identity, [...names, name].slice(-MAX_NAMES_PER_PERSON));
          for (const oldest of known.keys()) {
            if (known.size <= MAX_PEOPLE) break;
            known.delete(oldest);
          }
          changed = true;
        }
        if (changed)
          await vault.write([
            {
              key: keyOf(serverId),
              value: encodeCbor(
                [...known].map(([identity, names]) => ({ identity, names })) as unknown as CborValue,
              ),
            },
          ]);
        return notices;
      }),
  };
}
