import { CodedError } from '../../../../core/base/coded-error.ts';
import { connectRpc, serveRpc, type RpcPort } from '../../../../core/base/rpc/rpc.ts';
import type { Disposable, ExtensionModule } from '../../../../extensions/api/conclave.d.ts';
import type { RuntimeMethods, SandboxEvents, SandboxMethods } from '../protocol.ts';
import { createSandboxApi, type SandboxApi } from './sandbox-api.ts';

/** Answers the workbench for one extension. `load` runs its script, once, when it is to be activated. */
export function serveExtension(port: RpcPort, load: () => ExtensionModule): Disposable {
  const client = connectRpc<SandboxMethods, SandboxEvents>(port);
  const subscriptions: Disposable[] = [];
  let module: ExtensionModule | undefined;
  let sandbox: SandboxApi | undefined;
  /** The extension's own errors are the answer, so that a person reads what went wrong. */
  const told = async <T>(run: () => Promise<T>): Promise<T> => {
    try {
      return await run();
    } catch (error) {
      if (error instanceof CodedError) throw error;
      throw new CodedError('extension_failed', error instanceof Error ? error.message : String(error));
    }
  };
  const server = serveRpc<RuntimeMethods, Readonly<Record<never, never>>>(port, {
    activate: (start) =>
      told(async () => {
        sandbox = createSandboxApi(client, start);
        module = load();
        if (typeof module.activate !== 'function')
          throw new CodedError('not_an_extension', 'Its script exports no function "activate".');
        await module.activate({
          api: sandbox.api,
          subscriptions: {
            add(disposable) {
              subscriptions.push(disposable);
              return disposable;
            },
          },
          extension: Object.freeze({ id: start.id, version: start.version }),
        });
        return null;
      }),
    deactivate: () =>
      told(async () => {
        await module?.deactivate?.();
        for (const disposable of subscriptions.reverse()) disposable.dispose();
        return null;
      }),
    'command.run': ({ id, args }) => told(async () => await sandbox?.runCommand(id, args)),
    ping: () => null,
  });
  return {
    dispose() {
      sandbox?.dispose();
      server.dispose();
      client.dispose();
    },
  };
}
