/// <reference path="./fails-components.d.ts" />
import { WebTransportPonyfill } from '@fails-components/webtransport';
import { CodedError } from '../../base/coded-error.ts';
import { createDelayBound } from './delay-bound.ts';
import type { OpenTransport } from './transport.ts';
import { adoptSession, sessionUrl, type WebTransportSession } from './web-transport-client.ts';

/** The relay takes frames of at most 128 KiB. */
const MAX_CONTROL_CHUNK = 32 * 1024;
/** Larger than any message, as on the relay's side. */
const WINDOW_BYTES = 4 * 1024 * 1024;
/** Bytes the WebSocket may hold back; more means that it is stuck. */
const MAX_BUFFERED_BYTES = 16 * 1024;

/**
 * Opens WebTransport over a WebSocket, for networks that block UDP. The WebSocket goes where the host says,
 * which checks the relay's certificate by its hash: a browser cannot do that over TCP.
 */
export const openFallback: OpenTransport = async (options, port, signal) => {
  if (options.fallbackUrl === undefined)
    throw new CodedError('no_endpoint', 'This host has no way around a network that blocks UDP');
  const url = new URL(options.fallbackUrl, location.href);
  if (url.protocol === 'http:') url.protocol = 'ws:';
  const { session, socket } = startSession(sessionUrl(options.host, port), url.href);
  const delayBound = createDelayBound(() => performance.now());
  return adoptSession(
    session,
    {
      kind: 'fallback',
      maxControlChunk: MAX_CONTROL_CHUNK,
      admits: (datagram) => socket.bufferedAmount <= MAX_BUFFERED_BYTES && delayBound.admits(datagram),
      onDatagram: (datagram) => delayBound.received(datagram),
      unreachable:
        'The server answers neither over QUIC nor over TCP. Check the address and that it is running',
    },
    signal,
  );
};

/**
 * Starts a session of the package over a WebSocket of our choice. The package makes the WebSocket inside of this
 * constructor call, from the global of that name and always for the relay's own address; so for just this call
 * the global is one that goes to `socketUrl`.
 */
function startSession(
  relayUrl: string,
  socketUrl: string,
): { readonly session: WebTransportSession; readonly socket: WebSocket } {
  const scope = globalThis as { WebSocket: unknown };
  const Original = globalThis.WebSocket;
  let socket: WebSocket | undefined;
  scope.WebSocket = function (_url: string, protocols: string[]) {
    socket = new Original(socketUrl, protocols);
    return socket;
  };
  let session: WebTransportPonyfill;
  try {
    session = new WebTransportPonyfill(relayUrl, {
      initialStreamFlowControlWindow: WINDOW_BYTES,
      initialSessionFlowControlWindow: WINDOW_BYTES,
      streamFlowControlWindowSizeLimit: WINDOW_BYTES,
      sessionFlowControlWindowSizeLimit: WINDOW_BYTES,
    });
  } finally {
    scope.WebSocket = Original;
  }
  const open = socket as WebSocket | undefined;
  if (!open)
    throw new CodedError('address_invalid', 'The address of the server cannot be used for a connection');
  return {
    socket: open,
    session: {
      ready: session.ready,
      closed: session.closed,
      datagrams: {
        readable: session.datagrams.readable,
        writable: session.datagrams.createWritable(),
      } as unknown as WebTransportSession['datagrams'],
      createBidirectionalStream: () => session.createBidirectionalStream(),
      close() {
        try {
          session.close();
        } finally {
          // Before it is open, the session closes nothing.
          open.close();
        }
      },
    },
  };
}
