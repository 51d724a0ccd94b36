import type { Clock } from '../../../core/base/async.ts';
import { CodedError } from '../../../core/base/coded-error.ts';
import { createDisposableStore, type Disposable } from '../../../core/base/disposable.ts';
import { connectRpc, serveRpc, type RpcClient } from '../../../core/base/rpc/rpc.ts';
import type { ExtensionModule } from '../../../extensions/api/conclave.d.ts';
import { viewsOf, type Manifest, type Permission } from '../../../extensions/api/manifest.ts';
import { plainText } from '../extension-api.ts';
import { createActors, mirrorState, readState } from './actors.ts';
import type { ExtensionFrame } from './extension-frame.ts';
import { createGuardedPort, type GuardedPort, type GuardVerdict } from './guarded-port.ts';
import type { RuntimeMethods, SandboxEvents, SandboxMethods } from './protocol.ts';
import { permissionOf } from './protocol.ts';
import { watch } from './watchdog.ts';

/** Why a sandbox was ended by the workbench. */
export type SandboxEnd = GuardVerdict | 'not_responding';

/** What can be counted about a sandbox. */
export interface SandboxCounters {
  readonly calls: number;
  readonly strikes: number;
  readonly responding: boolean;
  /** Calls that took a permission, by permission. */
  readonly uses: ReadonlyMap<Permission, number>;
}

/** A module whose code runs in a sandbox. Disposing ends it at once. */
export interface SandboxedModule extends ExtensionModule, Disposable {
  deactivate(): Promise<void>;
  readonly counters: SandboxCounters;
}

const MAX_ERROR_TEXT = 500;

/** Makes the module of a sandboxed extension; its worker starts with `activate`. */
export function createSandboxedModule(options: {
  readonly manifest: Manifest;
  readonly openFrame: () => Promise<ExtensionFrame>;
  readonly isGranted: (permission: Permission) => boolean;
  readonly mayRun: (command: string) => boolean;
  readonly onError: (error: unknown) => void;
  readonly onEnd: (reason: SandboxEnd) => void;
  readonly onDidChange: () => void;
  readonly clock: Clock;
}): SandboxedModule {
  const { manifest, isGranted, clock } = options;
  const store = createDisposableStore();
  let client: RpcClient<RuntimeMethods, Readonly<Record<never, never>>> | undefined;
  let port: GuardedPort | undefined;
  let responding = true;

  return {
    async activate({ api }) {
      const frame = await options.openFrame();
      if (store.isDisposed) {
        frame.dispose();
        throw ended();
      }
      store.add(frame);
      const guarded = store.add(createGuardedPort(frame.port, { clock, onVerdict: options.onEnd }));
      port = guarded;
      const runtime = store.add(connectRpc<RuntimeMethods, Readonly<Record<never, never>>>(guarded));
      client = runtime;
      const server = store.add(
        serveRpc<SandboxMethods, SandboxEvents>(
          guarded,
          createActors({
            api,
            displayName: manifest.displayName,
            isGranted,
            mayRun: options.mayRun,
            runCommand: (id, args) => bounded(runtime.call('command.run', { id, args })),
            onError: (message) => options.onError(untrustedError('extension_failed', message)),
          }),
          { schemas: guarded.schemas },
        ),
      );
      store.add(
        watch(clock, () => runtime.call('ping', null), {
          onResponding(value) {
            responding = value;
            options.onDidChange();
          },
          onDead: () => options.onEnd('not_responding'),
        }),
      );
      const settings = Object.keys(manifest.contributes?.configuration?.properties ?? {});
      for (const subscription of mirrorState(api, isGranted, settings, server)) store.add(subscription);
      await bounded(
        runtime.call('activate', {
          id: manifest.id,
          name: manifest.name,
          version: manifest.version,
          displayName: manifest.displayName,
          commands: (manifest.contributes?.commands ?? []).map(({ id }) => id),
          trees: viewsOf(manifest)
            .filter(({ kind }) => kind === 'tree')
            .map(({ id }) => id),
          settings: Object.fromEntries(settings.map((key) => [key, api.configuration.get(key)])),
          granted: (manifest.permissions ?? []).filter(isGranted),
          state: readState(api, isGranted),
        }),
      );
    },
    async deactivate() {
      if (client) await bounded(client.call('deactivate', null));
    },
    get counters() {
      const uses = new Map<Permission, number>();
      let calls = 0;
      for (const [method, count] of port?.calls ?? []) {
        calls += count;
        const permission = permissionOf(method);
        if (permission !== undefined && permission !== 'public')
          uses.set(permission, (uses.get(permission) ?? 0) + count);
      }
      return { calls, strikes: port?.strikes ?? 0, responding, uses };
    },
    dispose: () => store.dispose(),
  };
}

function ended(): CodedError {
  return new CodedError('extension_stopped', 'It was stopped while it started.');
}

/** An error made from words of an extension: a code that can be logged and a text that can be shown. */
function untrustedError(code: string, message: string): CodedError {
  return new CodedError(
    /^[a-z][a-z_]{0,63}$/.test(code) ? code : 'extension_failed',
    plainText(message).slice(0, MAX_ERROR_TEXT),
  );
}

async function bounded<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw error instanceof CodedError ? untrustedError(error.code, error.message) : error;
  }
}
