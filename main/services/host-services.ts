import { join } from 'node:path';
import type { Clock } from '../../core/base/async.ts';
import { createEmitter, type Event } from '../../core/base/event.ts';
import { createDisposableStore, type Disposable } from '../../core/base/disposable.ts';
import { createLogger, formatLogEntry, logCode, type Logger } from '../../core/base/log.ts';
import { errorCode } from '../../core/base/coded-error.ts';
import {
  hostSchemas,
  type FallbackTarget,
  type HostEvents,
  type HostInfo,
  type HostMethods,
} from '../../core/base/rpc/host-contract.ts';
import { serveRpc, type RpcHandlers, type RpcPort } from '../../core/base/rpc/rpc.ts';
import { fetchDescriptor } from './descriptor-fetch.ts';
import { createKeychain, type Keychain } from './keychain.ts';
import { openLogFile } from './log-file.ts';
import { openRecordStore, type RecordStore } from './record-store.ts';
import { createRelayLauncher, type RelayLauncher } from './relay-launcher.ts';
import { checkExternalLink, readConclaveLink } from './safe-link.ts';
import type { UiState } from './ui-state.ts';
import { openUserFiles, type UserFiles } from './user-files.ts';

/** What differs between the two hosts. */
export interface HostOptions {
  readonly kind: HostInfo['kind'];
  readonly version: string;
  readonly diagnostics: boolean;
  /** The profile folder, already locked by this process. */
  readonly profile: string;
  /** The bundled relay and the folder that holds `@deno/<platform>` to run it. */
  readonly relay: { readonly script: string; readonly packages: string };
  readonly uiState: UiState;
  /** Opens a checked https or mailto link in the system's browser. */
  readonly openExternal: (url: URL) => Promise<void>;
  /** How this host's media worker reaches a relay over TCP; see `fallback.prepare` of the contract. */
  readonly prepareFallback: (target: FallbackTarget) => { readonly url: string };
  readonly keychain?: Keychain;
  readonly clock?: Clock;
}

/** Everything a host can do for the workbench. */
export interface HostServices {
  readonly logger: Logger;
  /** Serves the host contract on a port; disposing ends that connection only. */
  connect(port: RpcPort): Disposable;
  /** Gives a link from outside to the workbench, or keeps it until one is connected. */
  receiveLink(text: string): void;
  /** Stops the relay and flushes the log. */
  close(): Promise<void>;
}

interface Parts {
  readonly info: HostInfo;
  readonly records: RecordStore;
  readonly userFiles: UserFiles;
  readonly uiState: UiState;
  readonly keychain: Keychain;
  readonly relay: RelayLauncher;
  readonly openExternal: (url: URL) => Promise<void>;
  readonly prepareFallback: HostOptions['prepareFallback'];
  readonly writeLog: (line: string) => void;
}

/** Opens the services of a profile. */
export async function openHostServices(options: HostOptions): Promise<HostServices> {
  const { profile, diagnostics, kind, version } = options;
  const clock = options.clock === undefined ? {} : { clock: options.clock };
  const store = createDisposableStore();
  const logFile = await openLogFile(join(profile, 'logs', 'conclave.log'));
  const logger = createLogger((entry) => logFile.write(formatLogEntry(entry)));
  const relay = createRelayLauncher({
    dataFolder: join(profile, 'relay'),
    ...options.relay,
    logger,
    ...clock,
  });
  const userFiles = store.add(await openUserFiles(profile, options.clock));
  const handlers = hostHandlers({
    info: { kind, platform: supportedPlatform(), version, diagnostics, relay: relay.availability },
    records: await openRecordStore(join(profile, 'records')),
    userFiles,
    uiState: options.uiState,
    keychain: options.keychain ?? createKeychain({ profile, ...clock }),
    relay,
    openExternal: options.openExternal,
    prepareFallback: options.prepareFallback,
    writeLog: (line) => logFile.write(line),
  });
  const links = createLinkQueue();
  logger.log('info', 'host.started', { kind: logCode(kind) });
  return {
    logger,
    connect(port) {
      const connection = createDisposableStore();
      const server = connection.add(
        serveRpc<HostMethods, HostEvents>(port, handlers, {
          schemas: hostSchemas,
          onInternalError: (method, error) =>
            logger.log('error', 'host.method_failed', {
              method: logCode(method),
              reason: logCode(systemCode(error)),
            }),
        }),
      );
      connection.add(relay.onDidChange((status) => server.emit('relay.changed', status)));
      connection.add(userFiles.onDidChange((content) => server.emit('userFile.changed', content)));
      // Links that came early are told once the workbench asks for something: it listens by then.
      const firstCall = connection.add(
        port.onMessage(() => {
          firstCall.dispose();
          connection.add(links.subscribe((url) => server.emit('link.received', { url })));
        }),
      );
      connection.add(port.onClose(() => connection.dispose()));
      return connection;
    },
    receiveLink(text) {
      const url = readConclaveLink(text);
      if (url !== undefined) links.push(url);
    },
    async close() {
      store.dispose();
      links.dispose();
      await relay.close();
      logger.log('info', 'host.stopped', {});
      await logFile.flush();
    },
  };
}

/** The host contract in terms of the services; both hosts use exactly this. */
function hostHandlers(parts: Parts): RpcHandlers<HostMethods> {
  const { info, records, userFiles, uiState, keychain, relay, openExternal, prepareFallback, writeLog } =
    parts;
  return {
    'host.info': () => info,
    'records.get': ({ key }) => records.get(key),
    'records.write': ({ changes }) => done(records.write(changes)),
    'records.list': ({ prefix }) => records.list(prefix),
    'userFile.read': ({ name }) => userFiles.read(name),
    'userFile.write': ({ name, text }) => userFiles.write(name, text),
    'state.get': ({ key }) => uiState.get(key),
    'state.set': ({ key, value }) => done(uiState.set(key, value)),
    'keychain.status': () => keychain.status(),
    'keychain.get': ({ account }) => keychain.get(account),
    'keychain.set': ({ account, secret }) => done(keychain.set(account, secret)),
    'keychain.delete': ({ account }) => done(keychain.delete(account)),
    'descriptor.fetch': (target) => fetchDescriptor(target),
    'fallback.prepare': (target) => prepareFallback(target),
    'relay.status': () => relay.status(),
    'relay.start': (request) => relay.start(request),
    'relay.stop': () => relay.stop(),
    'relay.log': ({ lines }) => relay.log(lines),
    'link.open': ({ url }) => done(openExternal(checkExternalLink(url))),
    'log.write': ({ line }) => {
      writeLog(line);
      return null;
    },
  };
}

async function done(work: Promise<void>): Promise<null> {
  await work;
  return null;
}

/** Links may arrive before the workbench is there: the newest few wait for it. */
function createLinkQueue(): {
  push(url: string): void;
  readonly subscribe: Event<string>;
  dispose(): void;
} {
  const emitter = createEmitter<string>();
  let waiting: string[] = [];
  return {
    push(url) {
      if (emitter.hasListeners) emitter.fire(url);
      else waiting = [...waiting.slice(-7), url];
    },
    subscribe(listener) {
      const subscription = emitter.event(listener);
      const held = waiting;
      waiting = [];
      for (const url of held) listener(url);
      return subscription;
    },
    dispose: () => emitter.dispose(),
  };
}

function supportedPlatform(): HostInfo['platform'] {
  const { platform } = process;
  return platform === 'darwin' || platform === 'win32' ? platform : 'linux';
}

/** The code of an error of Node (ENOSPC, EACCES) or of ours. */
function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : errorCode(error);
}
