import { describe, expect, it } from 'vitest';
import { createServerProfiles } from './server-profiles.ts';
import { createMemoryKeychain, createMemoryRecords } from './testing/memory-ports.ts';
import { createVaultStore } from './vault-store.ts';
import { createVolumeStore } from './volume-store.ts';

const ADA = 'a'.repeat(64);

describe('volumes', () => {
  it('are remembered by identity, clamped, and forgotten at the normal volume', async () => {
    const records = createMemoryRecords();
    const vault = createVaultStore(records, createMemoryKeychain(true));
    await vault.create('Ben', undefined);
    const volumes = createVolumeStore(vault);
    await volumes.load();
    expect(volumes.gainOf(ADA)).toBe(1);
    await volumes.set(ADA, 0.5);
    await volumes.set('b'.repeat(64), 7);
    const again = createVolumeStore(vault);
    await again.load();
    expect(again.gainOf(ADA)).toBe(0.5);
    expect(again.gainOf('b'.repeat(64))).toBe(2);
    await again.set(ADA, 1);
    const third = createVolumeStore(vault);
    await third.load();
    expect(third.gainOf(ADA)).toBe(1);
    vault.dispose();
  });
});

describe('server profiles', () => {
  it('are found by host and port, newest first, under names that do not tell the host', async () => {
    const records = createMemoryRecords();
    const vault = createVaultStore(records, createMemoryKeychain(true));
    await vault.create('Ben', undefined);
    const profiles = createServerProfiles(vault);
    const harbour = {
      host: 'Harbour.example',
      port: 8443,
      name: 'Harbour',
      serverId: 'c'.repeat(64),
      lastConnected: 1,
    };
    await profiles.put(harbour);
    await profiles.put({ ...harbour, port: 9000, lastConnected: 2 });
    expect(await profiles.get('harbour.example', 8443)).toEqual(harbour);
    expect(await profiles.get('harbour.example', 1)).toBeUndefined();
    expect((await profiles.list()).map(({ port }) => port)).toEqual([9000, 8443]);
    expect([...records.stored.keys()].join()).not.toContain('harbour');
    await profiles.forget('HARBOUR.example', 8443);
    expect(await profiles.get('harbour.example', 8443)).toBeUndefined();
    vault.dispose();
  });
});
