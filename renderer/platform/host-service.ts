import type { HostEvents, HostInfo, HostMethods } from '../../core/base/rpc/host-contract.ts';
import type { RpcClient } from '../../core/base/rpc/rpc.ts';

/** The host process (Electron or the web host) as the workbench sees it. */
export interface HostService extends RpcClient<HostMethods, HostEvents> {
  readonly info: HostInfo;
}

/** Asks a connected host who it is. */
export async function createHostService(client: RpcClient<HostMethods, HostEvents>): Promise<HostService> {
  const info = await client.call('host.info', {});
  return { ...client, info };
}
