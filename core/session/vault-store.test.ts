import { describe, expect, it } from 'vitest';
import { fromHex, toHex, utf8 } from '../base/bytes.ts';
import { createMemoryKeychain, createMemoryRecords } from './testing/memory-ports.ts';
import { checkDisplayName, createVaultStore } from './vault-store.ts';

const PASSPHRASE = 'harbour lights at seven';

describe('vault store', () => {
  it('makes an identity once and opens it again with the passphrase only', async () => {
    const records = createMemoryRecords();
    const keychain = createMemoryKeychain(false);
    const first = createVaultStore(records, keychain);
    expect((await first.status()).state).toBe('absent');
    const created = await first.create('  Ada ', PASSPHRASE);
    expect(created).toMatchObject({
      state: 'open',
      protection: 'passphrase',
      identity: { displayName: 'Ada' },
    });
    await expect(first.create('Ada', PASSPHRASE)).rejects.toMatchObject({ code: 'vault_exists' });
    await first.write([{ key: 'text/a', value: utf8('a secret message') }]);
    first.dispose();

    const second = createVaultStore(records, keychain);
    expect(await second.status()).toMatchObject({ state: 'locked', protection: 'passphrase' });
    await expect(second.unlock(undefined)).rejects.toMatchObject({ code: 'passphrase_required' });
    await expect(second.unlock('wrong passphrase')).rejects.toMatchObject({ code: 'passphrase_wrong' });
    expect(await second.unlock(PASSPHRASE)).toEqual(created);
    expect(await second.read('text/a')).toEqual(utf8('a secret message'));
    second.dispose();
  });

  it('keeps its key in the keychain when there is one', async () => {
    const records = createMemoryRecords();
    const keychain = createMemoryKeychain(true);
    const first = createVaultStore(records, keychain);
    const created = await first.create('Ben', undefined);
    first.dispose();
    const second = createVaultStore(records, keychain);
    expect(await second.unlock(undefined)).toEqual(created);
    second.dispose();
    keychain.secrets.clear();
    const third = createVaultStore(records, keychain);
    await expect(third.unlock(undefined)).rejects.toMatchObject({ code: 'keychain_failed' });
    third.dispose();
  });

  it('wants a passphrase of some length where there is no keychain', async () => {
    const vault = createVaultStore(createMemoryRecords(), createMemoryKeychain(false));
    await expect(vault.create('Ada', undefined)).rejects.toMatchObject({ code: 'passphrase_required' });
    await expect(vault.create('Ada', 'short')).rejects.toMatchObject({ code: 'passphrase_weak' });
    expect((await vault.status()).state).toBe('absent');
    vault.dispose();
  });

  it('leaves nothing readable with the host: no key, no name, no record', async () => {
    const records = createMemoryRecords();
    const vault = createVaultStore(records, createMemoryKeychain(false));
    await vault.create('MarkerName', PASSPHRASE);
    await vault.write([{ key: 'text/a', value: utf8('MarkerText') }]);
    const secret = toHex(vault.identity.secretKey);
    const everything = [...records.stored.values()].map((value) => toHex(value)).join('\n');
    for (const marker of [
      toHex(utf8('MarkerName')),
      toHex(utf8('MarkerText')),
      secret,
      toHex(utf8(PASSPHRASE)),
    ])
      expect(everything).not.toContain(marker);
    expect(fromHex(secret)).toHaveLength(32);
    vault.dispose();
  });

  it('reports a damaged header and a record moved to another name', async () => {
    const records = createMemoryRecords();
    const vault = createVaultStore(records, createMemoryKeychain(true));
    await vault.create('Ada', undefined);
    await vault.write([{ key: 'text/a', value: utf8('one') }]);
    records.stored.set('text/b', records.stored.get('text/a') as never);
    await expect(vault.read('text/b')).rejects.toMatchObject({ code: 'vault_damaged' });
    records.stored.set('vault/header', utf8('garbage'));
    const again = createVaultStore(records, createMemoryKeychain(true));
    await expect(again.status()).rejects.toMatchObject({ code: 'vault_damaged' });
    again.dispose();
    vault.dispose();
  });

  it('refuses display names with nothing or something invisible in them', () => {
    expect(checkDisplayName(' Zoë ')).toBe('Zoë');
    for (const name of ['', '   ', 'a\u200bb', 'a\nb', 'x'.repeat(33)])
      expect(() => checkDisplayName(name)).toThrow(expect.objectContaining({ code: 'display_name_invalid' }));
  });
});
