import fc from 'fast-check';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { utf8 } from '../../core/base/bytes.ts';
import { openRecordStore } from './record-store.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'record-store-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('records outlive the process, and null deletes them', async () => {
  const first = await openRecordStore(folder);
  await first.write([
    { key: 'vault', value: utf8('one') },
    { key: 'text/room-1/0001', value: utf8('two') },
    { key: 'vault', value: utf8('three') },
  ]);
  const second = await openRecordStore(folder);
  expect(await second.get('vault')).toEqual(utf8('three'));
  expect(await second.get('text/room-1/0001')).toEqual(utf8('two'));
  expect(await second.get('absent')).toBeNull();
  await second.write([{ key: 'vault', value: null }]);
  expect(await second.get('vault')).toBeNull();
  expect(await second.list('')).toEqual(['text/room-1/0001']);
});

test('keys stay inside the folder and never meet, whatever they are', async () => {
  const store = await openRecordStore(folder);
  const key = fc.stringMatching(/^[a-z0-9][a-z0-9._/-]{0,30}$/);
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(key, { minLength: 1, maxLength: 8 }), async (keys) => {
      await store.write(keys.map((name) => ({ key: name, value: utf8(name) })));
      for (const name of keys) expect(await store.get(name)).toEqual(utf8(name));
      expect(await store.list('')).toEqual([...keys].sort());
      await store.write(keys.map((name) => ({ key: name, value: null })));
      expect(await readdir(folder)).toEqual([]);
    }),
    { numRuns: 30 },
  );
});

test.each(['../escape', '', '/etc/passwd', 'Upper', 'a\u0000b', 'a~b'])(
  'the key %j is refused',
  async (key) => {
    const store = await openRecordStore(folder);
    await expect(store.get(key)).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(store.write([{ key, value: utf8('x') }])).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  },
);

test.each([
  ['cut short', (file: Uint8Array) => file.subarray(0, file.length - 1)],
  ['empty', () => new Uint8Array()],
  [
    'one bit changed',
    (file: Uint8Array) => file.map((byte, index) => (index === file.length - 1 ? byte ^ 1 : byte)),
  ],
])('a file that is %s is set aside and reported until it is written anew', async (_how, damage) => {
  const store = await openRecordStore(folder);
  await store.write([{ key: 'vault', value: utf8('precious') }]);
  const path = join(folder, 'r-vault.record');
  await writeFile(path, damage(await readFile(path)));
  await expect(store.get('vault')).rejects.toMatchObject({ code: 'record_damaged' });
  const again = await openRecordStore(folder);
  await expect(again.get('vault')).rejects.toMatchObject({ code: 'record_damaged' });
  expect(await again.list('')).toEqual([]);
  await again.write([{ key: 'vault', value: utf8('new') }]);
  expect(await again.get('vault')).toEqual(utf8('new'));
  // The damaged bytes are still there for whoever can repair them.
  expect((await readdir(folder)).filter((name) => name.endsWith('.old'))).toHaveLength(1);
});

test('files left half written by a killed process are removed and never read', async () => {
  await writeFile(join(folder, 'r-vault.record.0123456789ab.tmp'), 'half');
  const store = await openRecordStore(folder);
  expect(await store.list('')).toEqual([]);
  expect(await readdir(folder)).toEqual([]);
});

test.skipIf(process.platform === 'win32')('only the owner can read the files', async () => {
  const store = await openRecordStore(folder);
  await store.write([{ key: 'vault', value: utf8('x') }]);
  expect((await stat(join(folder, 'r-vault.record'))).mode & 0o777).toBe(0o600);
});
