import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDeferred } from '../../core/base/async.ts';
import { openUserFiles } from './user-files.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'user-files-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('text is kept exactly, comments and all', async () => {
  const files = await openUserFiles(folder);
  expect(await files.read('settings')).toMatchObject({ text: '' });
  const text = '{\n  // loud enough\n  "audio.gain": 2,\n}\n';
  const written = await files.write('settings', text);
  expect(await files.read('settings')).toEqual(written);
  expect(written.text).toBe(text);
  files.dispose();
});

test('an edit from outside is announced once, an own write never', async () => {
  const files = await openUserFiles(folder);
  const seen: string[] = [];
  const edited = createDeferred<void>();
  const subscription = files.onDidChange((content) => {
    seen.push(`${content.name}:${content.text}`);
    edited.resolve();
  });
  await files.write('keybindings', '[]');
  // As editors do: written beside it and renamed.
  await writeFile(join(folder, 'settings.json~'), '{"a":1}');
  await rename(join(folder, 'settings.json~'), join(folder, 'settings.json'));
  await edited.promise;
  expect(seen).toEqual(['settings:{"a":1}']);
  subscription.dispose();
  files.dispose();
});

test('a file that grew too large is refused in words', async () => {
  await writeFile(join(folder, 'settings.json'), 'x'.repeat(1024 * 1024 + 1));
  const files = await openUserFiles(folder);
  await expect(files.read('settings')).rejects.toMatchObject({ code: 'file_too_large' });
  files.dispose();
});

test('a byte order mark does not reach the parser', async () => {
  await writeFile(join(folder, 'settings.json'), '\uFEFF{}');
  const files = await openUserFiles(folder);
  expect((await files.read('settings')).text).toBe('{}');
  files.dispose();
});
