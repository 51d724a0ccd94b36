import { createDeferred, systemClock } from '../base/async.ts';
import { messagePortAdapter, serveRpc, type RpcHandlers, type RpcMethods } from '../base/rpc/rpc.ts';
import { readBootMessage } from './boot.ts';
import { openFallback } from './media/fallback-client.ts';
import { loadCodecs } from './media/load-codecs.ts';
import { createMediaEngine, type MediaEngine } from './media/media-engine.ts';
import { mediaPageSchemas, mediaSessionSchemas } from './media/schemas.ts';
import { openWebTransport } from './media/web-transport-client.ts';
import type {
  MediaPageEvents,
  MediaPageMethods,
  MediaSessionEvents,
  MediaSessionMethods,
} from './media-contract.ts';

/**
 * The media worker: serves the page on its own channel and the session worker on a port that comes in a boot
 * message. Both may call at once; the answers wait until the codecs are loaded.
 */
const engine = createDeferred<MediaEngine>();
engine.promise.catch(() => {});
loadCodecs().then(
  ({ codec, suppressor }) =>
    engine.resolve(
      createMediaEngine({
        openers: { quic: openWebTransport, fallback: openFallback },
        codec,
        suppressor,
        clock: systemClock,
      }),
    ),
  (error: unknown) => engine.reject(error),
);

/** The same handlers, each waiting for the engine first. */
function whenReady<M extends RpcMethods>(
  names: readonly (keyof M & string)[],
  select: (ready: MediaEngine) => RpcHandlers<M>,
): RpcHandlers<M> {
  const entries = names.map((name) => [
    name,
    async (argument: never) => await select(await engine.promise)[name](argument),
  ]);
  return Object.fromEntries(entries) as RpcHandlers<M>;
}

const page = serveRpc<MediaPageMethods, MediaPageEvents>(
  messagePortAdapter(self),
  whenReady<MediaPageMethods>(Object.keys(mediaPageSchemas) as never, (ready) => ready.page),
  { schemas: mediaPageSchemas },
);
void engine.promise.then((ready) => {
  ready.onLevels((levels) => page.emit('audio.levels', levels));
  ready.onStats((stats) => page.emit('media.stats', stats));
});

self.addEventListener('message', (event: MessageEvent<unknown>) => {
  const boot = readBootMessage(event.data);
  if (boot?.name !== 'session') return;
  const session = serveRpc<MediaSessionMethods, MediaSessionEvents>(
    messagePortAdapter(boot.port),
    whenReady<MediaSessionMethods>(Object.keys(mediaSessionSchemas) as never, (ready) => ready.session),
    { schemas: mediaSessionSchemas },
  );
  void engine.promise.then((ready) => {
    ready.onControl((received) => session.emit('control.received', received));
    ready.onTransportClosed((closed) => session.emit('transport.closed', closed));
    ready.onStats((stats) => session.emit('media.stats', stats));
  });
});
