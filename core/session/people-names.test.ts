import { afterEach, beforeEach, expect, it } from 'vitest';
import { generateIdentity } from '../crypto/identity.ts';
import { createPeopleNames } from './people-names.ts';
import { createMemoryKeychain, createMemoryRecords } from './testing/memory-ports.ts';
import { createVaultStore, type VaultStore } from './vault-store.ts';

const SERVER = 'aa'.repeat(32);
let vault: VaultStore;
beforeEach(async () => {
  vault = createVaultStore(createMemoryRecords(), createMemoryKeychain(true));
  await vault.create('Ada', undefined);
});
afterEach(() => vault.dispose());

const person = (name: string, identity = generateIdentity().publicKey) => ({ identity, name });

it('a known key under another name is told, once, also after a restart', async () => {
  const ben = person('Ben');
  expect(await createPeopleNames(vault).meet(SERVER, [person('Ada'), ben])).toEqual([]);
  const names = createPeopleNames(vault);
  const renamed = person('Bob', ben.identity);
  expect(await names.meet(SERVER, [renamed])).toMatchObject([{ code: 'name_changed' }]);
  expect(await names.meet(SERVER, [renamed, ben])).toEqual([]);
});

it('another key under a known name is told, whatever case or width it is written in', async () => {
  await createPeopleNames(vault).meet(SERVER, [person('Ben')]);
  for (const name of ['Ben', 'BEN', 'Ｂｅｎ', ' ben '])
    expect(await createPeopleNames(vault).meet(SERVER, [person(name)])).toMatchObject([
      { code: 'name_shared' },
    ]);
  // On another server another Ben is nothing unusual.
  expect(await createPeopleNames(vault).meet('bb'.repeat(32), [person('Ben')])).toEqual([]);
});

it('what cannot be seen is shown as such', async () => {
  const names = createPeopleNames(vault);
  const mallory = person('Mallory');
  await names.meet(SERVER, [mallory]);
  const [notice] = await names.meet(SERVER, [person('A\u202Ed\na', mallory.identity)]);
  expect(notice?.message).toContain('A\uFFFDd\uFFFDa');
});
