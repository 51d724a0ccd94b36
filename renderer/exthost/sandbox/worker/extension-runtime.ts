import type { MessagePortLike } from '../../../../core/base/rpc/rpc.ts';
import type { ExtensionModule } from '../../../../extensions/api/conclave.d.ts';
import { createJsonPort } from '../json-port.ts';
import { serveExtension } from './serve-extension.ts';

/**
 * Entry of the worker each sandboxed extension runs in. The frame's bootstrap sends one message with the code
 * and the port. The code is a CommonJS script, loaded from a blob: the frame's policy knows no other source.
 */
declare function importScripts(url: string): void;
type Wrapped = { conclaveExtension?: (module: { exports: unknown }) => void };

addEventListener(
  'message',
  (event) => {
    const { code } = event.data as { readonly code: string };
    const [port] = event.ports;
    if (!port) return;
    serveExtension(createJsonPort(port as MessagePortLike), () => load(code));
  },
  { once: true },
);

/** @throws whatever the script throws, a SyntaxError too */
function load(code: string): ExtensionModule {
  const url = URL.createObjectURL(
    new Blob(
      [
        'self.conclaveExtension = (module) => { (function (module, exports) {\n',
        code,
        '\n})(module, module.exports); };',
      ],
      { type: 'text/javascript' },
    ),
  );
  try {
    importScripts(url);
  } finally {
    URL.revokeObjectURL(url);
  }
  const module: { exports: unknown } = { exports: {} };
  const scope = globalThis as Wrapped;
  scope.conclaveExtension?.(module);
  delete scope.conclaveExtension;
  return module.exports as ExtensionModule;
}
