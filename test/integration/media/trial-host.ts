import { spawn, type ChildProcess } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';
import { createSelfSignedCertificate } from '../../../server/transport/self-signed-certificate.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const require = createRequire(import.meta.url);

/** The policy the hosts send too: scripts from here, WebAssembly but no eval, Trusted Types. */
const HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self' https://127.0.0.1:*; require-trusted-types-for 'script'",
};

/** Serves the page of the trial, the worker and the worklets from memory. */
export async function serveTrialPage(): Promise<{ readonly url: string; close(): void }> {
  const built = await esbuild.build({
    absWorkingDir: root,
    entryPoints: {
      trial: 'test/integration/media/media-trial.page.ts',
      'media.worker': 'core/workers/media.worker.ts',
      'worklets/capture': 'renderer/audio/worklets/capture.worklet.ts',
      'worklets/playback': 'renderer/audio/worklets/playback.worklet.ts',
    },
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    write: false,
    outdir: '/',
    logLevel: 'error',
    tsconfigRaw: { compilerOptions: { target: 'ES2023', useDefineForClassFields: false } },
  });
  const files = new Map<string, { readonly type: string; readonly body: Uint8Array }>();
  for (const { path, contents } of built.outputFiles)
    files.set(path, { type: 'text/javascript; charset=utf-8', body: contents });
  files.set('/', {
    type: 'text/html; charset=utf-8',
    body: Buffer.from('<!doctype html><title>Trial</title><script type="module" src="/trial.js"></script>'),
  });
  for (const [path, source] of Object.entries({
    '/wasm/opus-simd.wasm': '@evan/opus/wasm/simd.wasm',
    '/wasm/opus.wasm': '@evan/opus/wasm/opus.wasm',
    '/wasm/rnnoise.wasm': '@jitsi/rnnoise-wasm/dist/rnnoise.wasm',
  }))
    files.set(path, { type: 'application/wasm', body: await readFile(join(root, 'node_modules', source)) });
  const server: Server = createServer((request, response) => {
    const file = files.get(new URL(request.url ?? '/', 'http://localhost').pathname);
    response.writeHead(file ? 200 : 404, { ...HEADERS, 'Content-Type': file?.type ?? 'text/plain' });
    response.end(file?.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Deno itself, not the wrapper that npm puts on the path. */
export function denoBinary(): string {
  const platformPackage = `@deno/${process.platform}-${process.arch}${process.platform === 'linux' ? '-glibc' : ''}`;
  return join(
    dirname(require.resolve(`${platformPackage}/package.json`)),
    process.platform === 'win32' ? 'deno.exe' : 'deno',
  );
}

/** Starts the echo relay in Deno. */
export async function startEchoRelay(network: { readonly loss: number; readonly jitterMs: number }): Promise<{
  readonly port: number;
  readonly certificateHash: readonly number[];
  /** Closes every connection and goes on listening. */
  endSessions(): void;
  stop(): void;
}> {
  const now = Date.now();
  const certificate = createSelfSignedCertificate(now - 60_000, now + 86_400_000);
  const child: ChildProcess = spawn(
    denoBinary(),
    [
      'run',
      '--quiet',
      '--no-remote',
      '--unstable-net',
      '--allow-net=127.0.0.1',
      join(root, 'test/integration/media/echo-relay.mts'),
    ],
    { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, DENO_NO_UPDATE_CHECK: '1' } },
  );
  child.stdin?.end(
    JSON.stringify({ cert: certificate.certificatePem, key: certificate.privateKeyPem, ...network }),
  );
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`The echo relay ended with ${code}`)));
  });
  return {
    port: (JSON.parse(line) as { port: number }).port,
    certificateHash: [...certificate.sha256],
    endSessions: () => {
      child.kill('SIGUSR1');
    },
    stop: () => {
      child.kill('SIGKILL');
    },
  };
}
