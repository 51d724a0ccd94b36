import { mkdtemp, rm, writeFile, mkdir } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openHostServices, type HostServices } from '../services/host-services.ts';
import { createServedFiles, type BuildManifest, type ServedFiles } from '../services/served-files.ts';
import { createFallbackTunnels, type FallbackTunnels } from '../web/fallback-tunnels.ts';
import { openUiStateFile } from '../services/ui-state.ts';
import type { HostInfo } from '../../core/base/rpc/host-contract.ts';

/** A host's services over a temporary profile, with a keychain in memory. */
export interface TestServices {
  readonly folder: string;
  readonly services: HostServices;
  readonly tunnels: FallbackTunnels;
  /** Links that were handed to the system. */
  readonly opened: readonly string[];
  close(): Promise<void>;
}

/** Opens services for a test. */
export async function openTestServices(kind: HostInfo['kind']): Promise<TestServices> {
  const folder = await mkdtemp(join(tmpdir(), 'conclave-host-'));
  const opened: string[] = [];
  const secrets = new Map<string, string>();
  const tunnels = createFallbackTunnels();
  const services = await openHostServices({
    kind,
    version: '1.2.3',
    diagnostics: false,
    profile: folder,
    relay: { script: join(folder, 'no-relay.js'), packages: folder },
    uiState: await openUiStateFile(join(folder, 'ui-state.json')),
    openExternal: (url) => {
      opened.push(url.href);
      return Promise.resolve();
    },
    prepareFallback: tunnels.prepare,
    keychain: {
      status: () => Promise.resolve({ available: true, backend: 'memory' }),
      get: (account) => Promise.resolve(secrets.get(account) ?? null),
      set: (account, secret) => {
        secrets.set(account, secret);
        return Promise.resolve();
      },
      delete: (account) => {
        secrets.delete(account);
        return Promise.resolve();
      },
    },
  });
  return {
    folder,
    services,
    tunnels,
    opened,
    async close() {
      await services.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A build of a few files for a test, as the bundler would list it. */
export async function makeTestBuild(folder: string, release: boolean): Promise<ServedFiles> {
  const contents: Readonly<Record<string, readonly [type: string, text: string]>> = {
    '/index.html': ['text/html; charset=utf-8', '<!doctype html><title>Conclave</title>'],
    '/workbench.js': ['text/javascript; charset=utf-8', 'export {};'],
    '/media.worker.js': ['text/javascript; charset=utf-8', 'export {};'],
    '/session.worker.js': ['text/javascript; charset=utf-8', 'export {};'],
    '/wasm/opus.wasm': ['application/wasm', '\0asm'],
  };
  await mkdir(join(folder, 'workbench', 'wasm'), { recursive: true });
  await writeFile(join(folder, 'workbench', 'not-listed.js'), 'secret');
  const files: BuildManifest['files'][number][] = [];
  for (const [path, [type, text]] of Object.entries(contents)) {
    await writeFile(join(folder, 'workbench', path), text);
    files.push({ path, type, bytes: text.length, sha256: createHash('sha256').update(text).digest('hex') });
  }
  const manifest: BuildManifest = { format: 1, version: '1.2.3', release, files };
  await writeFile(join(folder, 'build-manifest.json'), JSON.stringify(manifest));
  return createServedFiles(folder, manifest);
}
