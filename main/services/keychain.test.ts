import { expect, test } from 'vitest';
import { createKeychain, type KeytarApi } from './keychain.ts';

function fakeKeytar(): KeytarApi & { readonly entries: Map<string, string> } {
  const entries = new Map<string, string>();
  return {
    entries,
    getPassword: (service, account) => Promise.resolve(entries.get(`${service}/${account}`) ?? null),
    setPassword: (service, account, password) => {
      entries.set(`${service}/${account}`, password);
      return Promise.resolve();
    },
    deletePassword: (service, account) => Promise.resolve(entries.delete(`${service}/${account}`)),
    findCredentials: (service) =>
      Promise.resolve(
        [...entries]
          .filter(([name]) => name.startsWith(`${service}/`))
          .map(([name, password]) => ({ account: name.slice(service.length + 1), password })),
      ),
  };
}

test('secrets are kept per profile', async () => {
  const keytar = fakeKeytar();
  const load = (): Promise<KeytarApi> => Promise.resolve(keytar);
  const one = createKeychain({ profile: '/profiles/one', load });
  const two = createKeychain({ profile: '/profiles/two', load });
  expect(await one.status()).toMatchObject({ available: true });
  await one.set('vault', 'secret one');
  await two.set('vault', 'secret two');
  expect(await one.get('vault')).toBe('secret one');
  await one.delete('vault');
  expect(await one.get('vault')).toBeNull();
  expect(await two.get('vault')).toBe('secret two');
  // The path of the profile is nobody's business.
  expect([...keytar.entries.keys()].join()).not.toContain('profiles');
});

test('a missing native module is a reason, not a crash', async () => {
  const keychain = createKeychain({
    profile: '/p',
    load: () => Promise.reject(new Error('Cannot find module')),
  });
  const status = await keychain.status();
  expect(status).toMatchObject({ available: false });
  expect(!status.available && status.reason.length).toBeGreaterThan(10);
  await expect(keychain.get('vault')).rejects.toMatchObject({ code: 'keychain_failed' });
});

test('an error of the system never shows the entry or the secret', async () => {
  const keychain = createKeychain({
    profile: '/p',
    load: () =>
      Promise.resolve({
        ...fakeKeytar(),
        setPassword: (service, account, password) =>
          Promise.reject(new Error(`${service} ${account} ${password}`)),
      }),
  });
  await expect(keychain.set('vault', 'hunter2')).rejects.toSatisfy(
    (error) =>
      error instanceof Error && !error.message.includes('hunter2') && !error.message.includes('vault'),
  );
});

test('the real keychain of this computer says whether it is there', { timeout: 15_000 }, async () => {
  const status = await createKeychain({ profile: '/p' }).status();
  expect(status.available ? status.backend : status.reason).not.toBe('');
  if (process.platform === 'linux' && !process.env['DBUS_SESSION_BUS_ADDRESS'])
    expect(status).toMatchObject({
      available: false,
      reason: expect.stringContaining('session bus') as string,
    });
});
