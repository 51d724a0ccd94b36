import { fork } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDeferred } from '../../core/base/async.ts';
import { defaultProfilePath, openProfileFolder, PROFILE_IN_USE, PROFILE_UNSAFE } from './profile-folder.ts';

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

const onPosix = test.skipIf(process.platform === 'win32');

onPosix('a profile named by two ways is one profile', async () => {
  const path = join(folder, 'profile');
  const first = await openProfileFolder({ path });
  await symlink(path, join(folder, 'alias'));
  await expect(openProfileFolder({ path: join(folder, 'alias') })).rejects.toMatchObject({
    code: PROFILE_IN_USE,
  });
  first.dispose();
});

onPosix('a folder that everybody can write to is refused', async () => {
  const path = join(folder, 'open');
  await mkdir(path);
  await chmod(path, 0o777);
  await expect(openProfileFolder({ path })).rejects.toMatchObject({ code: PROFILE_UNSAFE });
});

onPosix('a lock folder that somebody else laid out is refused, a readable one is closed', async () => {
  const before = { runtime: process.env['XDG_RUNTIME_DIR'], temporary: process.env['TMPDIR'] };
  delete process.env['XDG_RUNTIME_DIR'];
  process.env['TMPDIR'] = folder;
  const own = join(folder, `conclave-${userInfo().uid}`);
  try {
    await mkdir(join(folder, 'elsewhere'));
    await symlink(join(folder, 'elsewhere'), own);
    const path = join(folder, 'profile');
    await expect(openProfileFolder({ path })).rejects.toMatchObject({ code: PROFILE_UNSAFE });
    await rm(own);
    await mkdir(own, { mode: 0o755 });
    const profile = await openProfileFolder({ path });
    expect((await stat(own)).mode & 0o777).toBe(0o700);
    profile.dispose();
  } finally {
    if (before.runtime !== undefined) process.env['XDG_RUNTIME_DIR'] = before.runtime;
    if (before.temporary === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before.temporary;
  }
});

onPosix('of several that find an abandoned lock exactly one gets the profile', async () => {
  const path = join(folder, 'profile');
  const first = await openProfileFolder({ path });
  const { lockAddress } = first;
  first.dispose();
  for (let round = 0; round < 10; round++) {
    await rm(lockAddress, { force: true });
    await writeFile(lockAddress, '');
    const outcomes = await Promise.allSettled(Array.from({ length: 4 }, () => openProfileFolder({ path })));
    const winners = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    expect(winners).toHaveLength(1);
    winners[0]?.dispose();
  }
});
