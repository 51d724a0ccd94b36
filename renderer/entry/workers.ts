import { connectRpc, messagePortAdapter, serveRpc, type RpcClient } from '../../core/base/rpc/rpc.ts';
import { hostSchemas, type HostMethods } from '../../core/base/rpc/host-contract.ts';
import type { BootMessage, SessionBoot } from '../../core/workers/boot.ts';
import type { MediaPageEvents, MediaPageMethods } from '../../core/workers/media-contract.ts';
import type { SessionEvents, SessionMethods } from '../../core/workers/session-contract.ts';
import type { HostService } from '../platform/host-service.ts';

/** The part of Trusted Types that is used; the DOM library has no types for it. */
interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): { createScriptURL(url: string): unknown };
}

const WORKERS = ['/session.worker.js', '/media.worker.js'] as const;
let scriptUrl: ((url: string) => unknown) | undefined;

/** A script address that the page's policy lets through: one of the workers, nothing else. */
function trustedWorkerUrl(url: (typeof WORKERS)[number]): string {
  const trustedTypes = (globalThis as { readonly trustedTypes?: TrustedTypes }).trustedTypes;
  if (!trustedTypes) return url;
  if (!scriptUrl) {
    const policy = trustedTypes.createPolicy('conclave', {
      createScriptURL(candidate) {
        if ((WORKERS as readonly string[]).includes(candidate)) return candidate;
        throw new TypeError('Not a script of this program');
      },
    });
    scriptUrl = (candidate) => policy.createScriptURL(candidate);
  }
  return scriptUrl(url) as string;
}

/** The running workers. */
export interface CoreWorkers {
  readonly session: RpcClient<SessionMethods, SessionEvents>;
  readonly media: RpcClient<MediaPageMethods, MediaPageEvents>;
}

/** What of the host the session worker may use. */
type SessionHostMethods = Pick<
  HostMethods,
  | 'records.get'
  | 'records.write'
  | 'records.list'
  | 'keychain.status'
  | 'keychain.get'
  | 'keychain.set'
  | 'keychain.delete'
  | 'descriptor.fetch'
  | 'fallback.prepare'
  | 'log.write'
>;

/**
 * Starts the two workers and connects them with each other and with the page. Frame keys travel on the channel
 * between them, of which the page keeps neither end.
 * @param onFailed called when a worker's script cannot be loaded or throws outside of a call.
 */
export function startWorkers(host: HostService, onFailed: () => void): CoreWorkers {
  const start = (url: (typeof WORKERS)[number], name: string): Worker => {
    const worker = new Worker(trustedWorkerUrl(url), { type: 'module', name });
    worker.addEventListener('error', onFailed);
    return worker;
  };
  const mediaWorker = start('/media.worker.js', 'conclave media');
  const sessionWorker = start('/session.worker.js', 'conclave session');

  const between = new MessageChannel();
  mediaWorker.postMessage({ kind: 'port', name: 'session', port: between.port2 } satisfies BootMessage, [
    between.port2,
  ]);
  const toHost = new MessageChannel();
  serveRpc<SessionHostMethods, Record<string, never>>(
    messagePortAdapter(toHost.port1),
    {
      'records.get': (argument) => host.call('records.get', argument),
      'records.write': (argument) => host.call('records.write', argument),
      'records.list': (argument) => host.call('records.list', argument),
      'keychain.status': (argument) => host.call('keychain.status', argument),
      'keychain.get': (argument) => host.call('keychain.get', argument),
      'keychain.set': (argument) => host.call('keychain.set', argument),
      'keychain.delete': (argument) => host.call('keychain.delete', argument),
      'descriptor.fetch': (argument) => host.call('descriptor.fetch', argument),
      'fallback.prepare': (argument) => host.call('fallback.prepare', argument),
      'log.write': (argument) => host.call('log.write', argument),
    },
    { schemas: hostSchemas },
  );
  sessionWorker.postMessage(
    { kind: 'boot', media: between.port1, host: toHost.port2 } satisfies SessionBoot,
    [between.port1, toHost.port2],
  );
  return {
    session: connectRpc<SessionMethods, SessionEvents>(messagePortAdapter(sessionWorker)),
    media: connectRpc<MediaPageMethods, MediaPageEvents>(messagePortAdapter(mediaWorker)),
  };
}
