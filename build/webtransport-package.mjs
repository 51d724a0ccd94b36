// @ts-check
/**
 * Makes `@fails-components/webtransport` fit for a bundle. Left out of it:
 *
 * - its QUIC transport, a native module that is not installed (the relay uses Deno's own QUIC); without this
 *   the package writes two errors to the console when it is loaded;
 * - `debug`, which reads the whole environment (the relay may read a few named variables only) and would log;
 * - the browser's WebTransport as that package sees it: on loading it opens a connection to example.com to find
 *   out what the browser can do.
 */
import { builtinModules } from 'node:module';

const EMPTY = 'empty';

/** @type {import('esbuild').Plugin} */
export const webtransportPackage = {
  name: 'webtransport-package',
  setup(build) {
    build.onResolve(
      { filter: /^(debug|@fails-components\/webtransport-transport-http3-quiche)$/ },
      ({ path }) => ({ path, namespace: EMPTY }),
    );
    build.onLoad({ filter: /.*/, namespace: EMPTY }, ({ path }) => ({
      contents: path === 'debug' ? 'export default () => () => {};' : 'export {};',
    }));
  },
};

/** Constants that go with the plugin. @type {Readonly<Record<string, string>>} */
export const WEBTRANSPORT_PACKAGE_DEFINES = {
  'globalThis.WebTransport': 'undefined',
  'process.env.DEBUG_TRACE': 'undefined',
};

/** Deno and ES modules want Node's own modules with their prefix. @type {import('esbuild').Plugin} */
export const nodePrefix = {
  name: 'node-prefix',
  setup(build) {
    const bare = builtinModules.filter((name) => !name.startsWith('_') && !name.startsWith('node:'));
    build.onResolve(
      { filter: new RegExp(`^(${bare.map((name) => name.replace('/', '\\/')).join('|')})$`) },
      (args) => ({ path: `node:${args.path}`, external: true }),
    );
  },
};
