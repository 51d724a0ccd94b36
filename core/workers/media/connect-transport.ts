import { delay, type Clock } from '../../base/async.ts';
import { CodedError } from '../../base/coded-error.ts';
import type { TransportOptions } from '../../media/media-contract.ts';
import type { OpenTransport, Transport } from './transport.ts';

/** How long QUIC may take before the fallback is tried (ms). */
export const QUIC_LIMIT_MS = 3000;
/** How long the fallback may take (ms). */
export const FALLBACK_LIMIT_MS = 8000;

/** The kinds this client can open. */
export type TransportOpeners = Partial<Record<'quic' | 'fallback', OpenTransport>>;

/**
 * Opens the first kind of transport that works: QUIC, then the fallback. One at a time, because Chromium
 * throttles repeated and parallel failing connections.
 * @throws CodedError the last failure.
 */
export async function connectTransport(
  openers: TransportOpeners,
  options: TransportOptions,
  clock: Clock,
  signal: AbortSignal,
): Promise<Transport> {
  let failure: unknown = new CodedError(
    'no_endpoint',
    'The server offers no way to connect that is known here',
  );
  for (const kind of ['quic', 'fallback'] as const) {
    const open = openers[kind];
    const endpoint = options.endpoints.find((candidate) => candidate.kind === kind);
    if (!open || !endpoint) continue;
    const attempt = new AbortController();
    const giveUp = (): void => attempt.abort();
    signal.addEventListener('abort', giveUp, { once: true });
    const limit = clock.setTimer(kind === 'quic' ? QUIC_LIMIT_MS : FALLBACK_LIMIT_MS, giveUp);
    try {
      return await open(options, endpoint.port, attempt.signal);
    } catch (error) {
      failure = error;
    } finally {
      limit.dispose();
      signal.removeEventListener('abort', giveUp);
    }
    if (signal.aborted) throw new CodedError('aborted', 'The connection was given up');
    await delay(clock, 0);
  }
  throw failure;
}
