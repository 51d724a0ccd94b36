import { mkdtemp, readFile, rm, writeFile, mkdir, chmod } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createDeferred } from '../../core/base/async.ts';
import { createDisposableStore } from '../../core/base/disposable.ts';
import { silentLogger } from '../../core/base/log.ts';
import type { RelayStatus } from '../../core/base/rpc/host-contract.ts';
import { decodeDescriptor } from '../../core/protocol/server-descriptor.ts';
import { bundleForDeno, RELAY_BUNDLE } from '../../test/support/relay-process.ts';
import { fetchDescriptor } from './descriptor-fetch.ts';
import { createRelayLauncher, denoBinary, denoPermissions, type RelayLauncher } from './relay-launcher.ts';

const packages = fileURLToPath(new URL('../../node_modules', import.meta.url));

beforeAll(() => bundleForDeno('server/cli.ts', RELAY_BUNDLE, ['server', 'core/base', 'core/protocol']));

let folder = '';
let launchers: RelayLauncher[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relay-launcher-'));
});
afterEach(async () => {
  for (const launcher of launchers) await launcher.close();
  launchers = [];
  await rm(folder, { recursive: true, force: true });
});

function launcher(script = RELAY_BUNDLE): RelayLauncher {
  const made = createRelayLauncher({
    dataFolder: join(folder, 'relay'),
    script,
    packages,
    logger: silentLogger,
  });
  launchers.push(made);
  return made;
}

/** The next status that satisfies `wanted`. */
async function statusThat(
  relay: RelayLauncher,
  wanted: (status: RelayStatus) => boolean,
): Promise<RelayStatus> {
  const found = createDeferred<RelayStatus>();
  const subscription = relay.onDidChange((status) => {
    if (wanted(status)) found.resolve(status);
  });
  try {
    return await found.promise;
  } finally {
    subscription.dispose();
  }
}

test('the bundled relay starts, serves its descriptor, and stops', async () => {
  const relay = launcher();
  expect(relay.availability).toEqual({ available: true });
  const status = await relay.start({ name: 'Harbour', port: 0 });
  if (status.state !== 'running') throw new Error(`state is ${status.state}`);
  const descriptor = decodeDescriptor(await fetchDescriptor({ host: '127.0.0.1', port: status.port }));
  expect(descriptor).toMatchObject({ ok: true, value: { name: 'Harbour' } });
  expect(relay.log(100).join('\n')).toContain('relay.ready');
  // Starting twice gives the same one.
  expect(await relay.start({ name: 'Other', port: 0 })).toEqual(status);
  expect(await relay.stop()).toEqual({ state: 'stopped' });
  await expect(fetchDescriptor({ host: '127.0.0.1', port: status.port })).rejects.toMatchObject({
    code: 'unreachable',
  });
  // Its identity is kept.
  expect(await relay.start({ name: 'Harbour', port: 0 })).toMatchObject({ serverId: status.serverId });
});

test('a relay that crashes comes back on the same port with the same identity', async () => {
  const relay = launcher();
  const before = await relay.start({ name: 'Harbour', port: 0 });
  if (before.state !== 'running') throw new Error(`state is ${before.state}`);
  const store = createDisposableStore();
  const back = statusThat(relay, (status) => status.state === 'running');
  // Not through the launcher: as the system's out-of-memory killer would.
  const { execFileSync } = await import('node:child_process');
  const pid = execFileSync('pgrep', ['-f', join(folder, 'relay')], { encoding: 'utf8' })
    .trim()
    .split('\n')[0];
  process.kill(Number(pid), 'SIGKILL');
  const after = await back;
  store.dispose();
  expect(after).toMatchObject({ state: 'running', port: before.port, serverId: before.serverId });
});

test('a port in use is named as the reason', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '0.0.0.0', resolve));
  const { port } = other.address() as AddressInfo;
  const relay = launcher();
  await expect(relay.start({ name: 'Harbour', port })).rejects.toMatchObject({ code: 'port_in_use' });
  expect(relay.status()).toMatchObject({ state: 'failed', code: 'port_in_use' });
  other.close();
});

test('a relay that cannot start at all is not tried for ever', async () => {
  const script = join(folder, 'broken.js');
  await writeFile(script, 'throw new Error("broken")');
  const relay = launcher(script);
  await expect(relay.start({ name: 'Harbour', port: 0 })).rejects.toMatchObject({ code: 'relay_crashed' });
  expect(relay.log(50).join('\n')).toContain('broken');
});

test('the sandbox keeps files, environment and programs from the relay', async () => {
  await writeFile(join(folder, 'secret.txt'), 'secret');
  await mkdir(join(folder, 'script'));
  const script = join(folder, 'script', 'probe.js');
  await writeFile(
    script,
    `const tried = async (what, work) => { try { await work(); return what + ' allowed'; } catch (error) { return what + ' ' + error.name; } };
     const lines = [
       await tried('read', () => Deno.readTextFile(${JSON.stringify(join(folder, 'secret.txt'))})),
       await tried('write', () => Deno.writeTextFile(${JSON.stringify(join(folder, 'x.txt'))}, 'x')),
       await tried('write-own', () => Deno.writeTextFile(Deno.args[1] + '/x.txt', 'x')),
       await tried('env', () => Deno.env.get('HOME')),
       await tried('env-own', () => Deno.env.get('CONCLAVE_SERVER_NAME')),
       await tried('run', () => new Deno.Command('true').output()),
       await tried('ffi', () => Deno.dlopen('libc.so.6', {})),
       await tried('import', () => import('https://example.org/x.js')),
     ];
     for (const line of lines) console.log(line);
     Deno.exit(1);`,
  );
  const relay = launcher(script);
  await expect(relay.start({ name: 'Harbour', port: 0 })).rejects.toMatchObject({ code: 'relay_crashed' });
  const log = relay.log(50);
  expect(
    log.filter((line) => /(Capable|allowed|Error|Denied)/.test(line) && !line.includes('import')),
  ).toEqual([
    'read NotCapable',
    'write NotCapable',
    'write-own allowed',
    'env NotCapable',
    'env-own allowed',
    'run NotCapable',
    'ffi NotCapable',
  ]);
  expect(log.find((line) => line.startsWith('import'))).not.toContain('allowed');
});

test('a folder that cannot be written is a reason', async () => {
  const file = join(folder, 'relay');
  await writeFile(file, 'not a folder');
  await chmod(file, 0o400);
  await expect(launcher().start({ name: 'Harbour', port: 0 })).rejects.toMatchObject({
    code: 'relay_unavailable',
  });
  expect(await readFile(file, 'utf8')).toBe('not a folder');
});

test('without Deno or without the relay the reason is given before anybody starts it', () => {
  const noDeno = createRelayLauncher({
    dataFolder: folder,
    script: RELAY_BUNDLE,
    packages: join(folder, 'nothing'),
    logger: silentLogger,
  });
  expect(noDeno.availability).toMatchObject({ available: false });
  expect(launcher(join(folder, 'nothing.js')).availability).toMatchObject({ available: false });
});

test('paths with commas are one path to Deno', () => {
  const flags = denoPermissions({ script: '/app/relay.js', dataFolder: '/data/a,b', environment: ['X'] });
  expect(flags).toContain('--allow-write=/data/a,,b');
});

test('the relay listens and reaches nobody', async () => {
  const script = join(folder, 'outbound.js');
  await writeFile(
    script,
    `const attempt = async (hostname) => {
       try {
         await Deno.connect({ hostname, port: 9 });
         return 'connected';
       } catch (error) {
         return error.name;
       }
     };
     Deno.listen({ hostname: '::', port: 0 }).close();
     console.log(JSON.stringify([await attempt('192.0.2.1'), await attempt('example.org')]));`,
  );
  const dataFolder = join(folder, 'relay');
  await mkdir(dataFolder);
  const binary = denoBinary(packages);
  if ('reason' in binary) throw new Error(binary.reason);
  const { stdout } = await promisify(execFile)(
    binary.path,
    ['run', ...denoPermissions({ script, dataFolder, environment: ['X'] }), script],
    { env: { DENO_NO_UPDATE_CHECK: '1', HOME: folder }, timeout: 20_000 },
  );
  expect(JSON.parse(stdout)).toEqual(['NotCapable', 'NotCapable']);
});
