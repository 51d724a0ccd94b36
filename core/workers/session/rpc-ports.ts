import type { RpcClient } from '../../base/rpc/rpc.ts';
import type { HostEvents, HostMethods } from '../../base/rpc/host-contract.ts';
import type { MediaSessionEvents, MediaSessionMethods } from '../media-contract.ts';
import type { KeychainPort, MediaPort, RecordPort, SessionPorts } from '../../session/ports.ts';

/** The media worker as the session sees it. */
export function rpcMediaPort(client: RpcClient<MediaSessionMethods, MediaSessionEvents>): MediaPort {
  return {
    connect: (options) => client.call('transport.connect', options),
    probeQuic: (options) => client.call('transport.probeQuic', options),
    async close(transport) {
      await client.call('transport.close', { transport });
    },
    send(transport, bytes) {
      // A transport that is gone is told by its own event, so the answer adds nothing.
      client.call('control.send', { transport, bytes }, [bytes.buffer]).catch(() => {});
    },
    async startCall(transport, slot) {
      await client.call('call.start', { transport, slot });
    },
    async stopCall() {
      await client.call('call.stop', {});
    },
    async setEpoch(keys) {
      await client.call('call.setEpoch', keys);
    },
    async setTransmission(state) {
      await client.call('call.setTransmission', state);
    },
    async setVolume(session, gain) {
      await client.call('call.setVolume', { session, gain });
    },
    onReceive: client.on('control.received'),
    onClose: client.on('transport.closed'),
    onStats: client.on('media.stats'),
  };
}

/** The host's record store and keychain, reached through the page. */
export function rpcHostPorts(client: RpcClient<HostMethods, HostEvents>): {
  readonly records: RecordPort;
  readonly keychain: KeychainPort;
  readonly fetchDescriptor: SessionPorts['fetchDescriptor'];
  readonly prepareFallback: SessionPorts['prepareFallback'];
} {
  return {
    records: {
      async get(key) {
        return (await client.call('records.get', { key })) ?? undefined;
      },
      async write(changes) {
        await client.call('records.write', { changes });
      },
      list: (prefix) => client.call('records.list', { prefix }),
    },
    keychain: {
      status: () => client.call('keychain.status', {}),
      async get(account) {
        return (await client.call('keychain.get', { account })) ?? undefined;
      },
      async set(account, secret) {
        await client.call('keychain.set', { account, secret });
      },
    },
    fetchDescriptor: (host, port) => client.call('descriptor.fetch', { host, port }),
    prepareFallback: async (target) => (await client.call('fallback.prepare', target)).url,
  };
}
