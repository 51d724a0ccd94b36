import { fork } from 'node:child_process';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDeferred } from '../../core/base/async.ts';
import { defaultProfilePath, openProfileFolder, PROFILE_IN_USE } from './profile-folder.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'profile-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test.each([
  ['linux', {}, '/home/ada/.config/conclave'],
  ['linux', { XDG_CONFIG_HOME: '/elsewhere' }, '/elsewhere/conclave'],
  ['linux', { XDG_CONFIG_HOME: 'relative' }, '/home/ada/.config/conclave'],
  ['darwin', {}, '/home/ada/Library/Application Support/Conclave'],
  ['win32', { APPDATA: '/roaming' }, '/roaming/Conclave'],
] as const)('on %s with %j a profile lives in %s', (platform, environment, path) => {
  expect(defaultProfilePath(platform, environment, '/home/ada')).toBe(path);
});

test('a profile has one owner; a second start hands its links over', async () => {
  const path = join(folder, 'profile');
  const first = await openProfileFolder({ path });
  const received = createDeferred<readonly string[]>();
  const subscription = first.onSecondInstance((links) => received.resolve(links));
  await expect(openProfileFolder({ path, links: ['conclave://join?host=a'] })).rejects.toMatchObject({
    code: PROFILE_IN_USE,
  });
  expect(await received.promise).toEqual(['conclave://join?host=a']);
  // Another profile is another matter.
  const other = await openProfileFolder({ path: join(folder, 'other') });
  other.dispose();
  subscription.dispose();
  first.dispose();
  const again = await openProfileFolder({ path });
  again.dispose();
});

test.skipIf(process.platform === 'win32')('only the owner can look into it', async () => {
  const profile = await openProfileFolder({ path: join(folder, 'profile') });
  expect((await stat(profile.path)).mode & 0o777).toBe(0o700);
  profile.dispose();
});

test('a killed owner does not lock the profile for ever', async () => {
  const path = join(folder, 'profile');
  // The child holds a socket at the address the profile would use, then dies without cleaning up.
  const script = join(folder, 'owner.mjs');
  await writeFile(
    script,
    `import { createServer } from 'node:net';
     createServer().listen(process.argv[2], () => process.send('listening'));`,
  );
  const probe = await openProfileFolder({ path });
  const address = probe.lockAddress;
  probe.dispose();
  const child = fork(script, [address]);
  await new Promise((resolve) => child.once('message', resolve));
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
  const profile = await openProfileFolder({ path });
  profile.dispose();
});
