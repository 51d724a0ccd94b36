import { systemClock } from '../base/async.ts';
import { createLogger, formatLogEntry, logCode } from '../base/log.ts';
import { connectRpc, messagePortAdapter, serveRpc } from '../base/rpc/rpc.ts';
import type { HostEvents, HostMethods } from '../base/rpc/host-contract.ts';
import { createSession } from '../session/session.ts';
import type { SessionBoot } from './boot.ts';
import type { MediaSessionEvents, MediaSessionMethods } from './media-contract.ts';
import { sessionSchemas } from './session/session-schemas.ts';
import { rpcHostPorts, rpcMediaPort } from './session/rpc-ports.ts';
import type { SessionEvents, SessionMethods } from './session-contract.ts';

/** The worker that holds the identity and the groups. The page boots it with two ports and then calls it. */
const scope = self as unknown as DedicatedWorkerGlobalScope;

const EVENT_NAMES = [
  'vault.changed',
  'connection.changed',
  'directory.changed',
  'call.changed',
  'text.changed',
  'text.group',
  'notice',
] as const satisfies readonly (keyof SessionEvents)[];

function boot({ media, host }: SessionBoot): void {
  const hostClient = connectRpc<HostMethods, HostEvents>(messagePortAdapter(host));
  const mediaClient = connectRpc<MediaSessionMethods, MediaSessionEvents>(messagePortAdapter(media));
  const logger = createLogger((entry) => {
    hostClient.call('log.write', { line: formatLogEntry(entry) }).catch(() => {});
  });
  const session = createSession({
    media: rpcMediaPort(mediaClient),
    ...rpcHostPorts(hostClient),
    clock: systemClock,
    logger,
  });
  const server = serveRpc<SessionMethods, SessionEvents>(messagePortAdapter(scope), session.handlers, {
    schemas: sessionSchemas,
    onInternalError: (method) => logger.log('error', 'session.internal', { method: logCode(method) }),
  });
  for (const name of EVENT_NAMES) session.on(name)((payload) => server.emit(name, payload as never));
}

scope.addEventListener(
  'message',
  (event: MessageEvent<unknown>) => {
    const message = event.data as Partial<SessionBoot> | null;
    if (message?.kind === 'boot' && message.media && message.host) boot(message as SessionBoot);
  },
  { once: true },
);
