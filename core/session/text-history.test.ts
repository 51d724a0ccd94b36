import { beforeEach, describe, expect, it } from 'vitest';
import { createMemoryKeychain, createMemoryRecords } from './testing/memory-ports.ts';
import { createTextHistory, HISTORY_LIMIT, type StoredMessage } from './text-history.ts';
import { createTextOutbox } from './text-outbox.ts';
import { createVaultStore, type VaultStore } from './vault-store.ts';

const message = (n: number): StoredMessage => ({
  id: n.toString(16).padStart(32, '0'),
  cursor: n,
  sender: 'a'.repeat(64),
  senderName: 'Ada',
  own: false,
  text: `message ${n}`,
  at: 1000 + n,
  state: 'received',
});

let records: ReturnType<typeof createMemoryRecords>;
const withVault = async (run: (vault: VaultStore) => Promise<void>): Promise<void> => {
  const vault = createVaultStore(records, createMemoryKeychain(true));
  await vault.create('Ada', undefined);
  try {
    await run(vault);
  } finally {
    vault.dispose();
  }
};
beforeEach(() => {
  records = createMemoryRecords();
});

describe('text history', () => {
  it('gives the newest messages in log order, also after a restart', () =>
    withVault(async (vault) => {
      const history = createTextHistory(vault, 'text/x/1/history/');
      for (const n of [1, 3, 2, 4]) await history.put(message(n));
      const again = createTextHistory(vault, 'text/x/1/history/');
      expect((await again.read(undefined, 3)).map((entry) => entry.cursor)).toEqual([2, 3, 4]);
      expect((await again.read(3, 10)).map((entry) => entry.cursor)).toEqual([1, 2]);
    }));

  it('loses no more than a damaged segment, and leaves that as it is', () =>
    withVault(async (vault) => {
      const prefix = 'text/x/1/history/';
      const history = createTextHistory(vault, prefix);
      for (let n = 1; n <= 60; n++) await history.put(message(n));
      const [first, second] = await records.list(prefix);
      const changed = (await records.get(second as string))?.fill(0, 30, 40) ?? new Uint8Array(1);
      await records.write([{ key: second as string, value: changed }]);
      const again = createTextHistory(vault, prefix);
      await again.put(message(61));
      expect((await again.read(undefined, 2)).map((entry) => entry.cursor)).toEqual([50, 61]);
      expect(await records.get(second as string)).toEqual(changed);
      expect(await records.list(prefix)).toEqual([first, second, `${prefix}0000000002`]);
    }));

  it('replaces a message instead of keeping it twice', () =>
    withVault(async (vault) => {
      const history = createTextHistory(vault, 'text/x/1/history/');
      await history.put(message(1));
      await history.put({ ...message(1), state: 'sent' });
      expect(await history.read(undefined, 10)).toEqual([{ ...message(1), state: 'sent' }]);
      expect(await history.get(message(1).id)).toMatchObject({ state: 'sent' });
      expect(await history.get(message(2).id)).toBeUndefined();
    }));

  it('drops the oldest messages beyond the limit, and their records', () =>
    withVault(async (vault) => {
      const history = createTextHistory(vault, 'text/x/1/history/');
      const total = HISTORY_LIMIT + 120;
      for (let n = 1; n <= total; n++) await history.put(message(n));
      const kept = await history.read(undefined, 10_000);
      expect(kept.length).toBeGreaterThanOrEqual(HISTORY_LIMIT);
      expect(kept.length).toBeLessThan(HISTORY_LIMIT + 50);
      expect(kept.at(-1)?.cursor).toBe(total);
      expect(kept[0]?.cursor).toBe(total - kept.length + 1);
      expect((await vault.list('text/x/1/history/')).length).toBeLessThanOrEqual(HISTORY_LIMIT / 50 + 1);
    }));
});

describe('text outbox', () => {
  it('keeps what is not acknowledged over a restart, in order', () =>
    withVault(async (vault) => {
      const id = (n: number): Uint8Array<ArrayBuffer> => new Uint8Array(16).fill(n);
      const outbox = createTextOutbox(vault, 'text/x/1/outbox');
      await Promise.all([1, 2, 3].map((n) => outbox.add({ id: id(n), text: `m${n}`, at: n })));
      await outbox.remove(id(2));
      const again = createTextOutbox(vault, 'text/x/1/outbox');
      expect((await again.load()).map((queued) => queued.text)).toEqual(['m1', 'm3']);
      await again.remove(id(1));
      await again.remove(id(3));
      expect(records.stored.has('text/x/1/outbox')).toBe(false);
    }));
});
