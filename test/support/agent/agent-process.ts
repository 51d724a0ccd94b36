import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { bundleForDeno, denoBinary } from '../relay-process.ts';
import { loadSpeech } from '../speech.ts';
import type { AgentCommand, AgentState } from './agent-protocol.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const BUNDLE = join(root, 'dist/test/agent.js');

/** A process with headless clients in it. */
export interface AgentProcess {
  readonly pid: number;
  /** Raw samples that agents may use as their microphone. */
  readonly speechFile: string;
  /** Makes a client with an identity of its own. */
  create(name: string, options?: { readonly microphone: boolean }): Promise<Agent>;
  close(): Promise<void>;
}

/** One headless client. */
export interface Agent {
  readonly name: string;
  /** Calls a method of the session contract. Rejects with an error whose `code` is the session's. */
  call(method: string, argument?: unknown): Promise<unknown>;
  state(): Promise<AgentState>;
  speak(on: boolean): Promise<void>;
  destroy(): Promise<void>;
  /** Polls the state until it fits. */
  until(what: string, fits: (state: AgentState) => boolean, timeoutMs?: number): Promise<AgentState>;
}

/** Starts an empty agent process; it ends with this process at the latest. */
export async function startAgents(): Promise<AgentProcess> {
  await bundleForDeno('test/support/agent/agent-main.ts', BUNDLE, ['core', 'test/support/agent']);
  const folder = mkdtempSync(join(tmpdir(), 'conclave-agents-'));
  const speechFile = join(folder, 'speech.f32');
  writeFileSync(speechFile, Buffer.from(loadSpeech(root).samples.buffer));
  const wasm = join(root, 'node_modules');
  const child = spawn(
    denoBinary(),
    [
      'run',
      '--unstable-net',
      '--no-remote',
      '--cached-only',
      '--no-prompt',
      '--allow-net=127.0.0.1,localhost',
      `--allow-read=${folder},${wasm}`,
      '--unsafely-ignore-certificate-errors=127.0.0.1,localhost',
      BUNDLE,
      join(wasm, '@evan/opus/wasm/simd.wasm'),
      join(wasm, '@jitsi/rnnoise-wasm/dist/rnnoise.wasm'),
    ],
    {
      env: { PATH: process.env['PATH'] ?? '', HOME: folder, DENO_NO_UPDATE_CHECK: '1' },
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  );
  const errors: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => errors.push(line));
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const answer = JSON.parse(line) as {
      readonly id: number;
      readonly value?: unknown;
      readonly error?: { readonly code: string; readonly message: string };
    };
    const entry = waiting.get(answer.id);
    waiting.delete(answer.id);
    if (answer.error)
      entry?.reject(Object.assign(new Error(answer.error.message), { code: answer.error.code }));
    else entry?.resolve(answer.value);
  });
  const exited = new Promise<void>((resolve) =>
    child.once('exit', (code) => {
      for (const entry of waiting.values())
        entry.reject(new Error(`the agents ended with ${code}: ${errors.slice(-20).join('\n')}`));
      waiting.clear();
      rmSync(folder, { recursive: true, force: true });
      resolve();
    }),
  );
  let nextId = 1;
  const send = (command: AgentCommand): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const id = nextId++;
      waiting.set(id, { resolve, reject });
      child.stdin.write(`${JSON.stringify({ id, ...command })}\n`);
    });
  return {
    pid: child.pid as number,
    speechFile,
    async create(name, options) {
      await send({ do: 'create', name, ...(options?.microphone ? { microphone: speechFile } : {}) });
      const state = async (): Promise<AgentState> => (await send({ do: 'state', agent: name })) as AgentState;
      return {
        name,
        call: (method, argument = {}) => send({ do: 'call', agent: name, method, argument }),
        state,
        async speak(on) {
          await send({ do: 'speak', agent: name, on });
        },
        async destroy() {
          await send({ do: 'destroy', agent: name });
        },
        async until(what, fits, timeoutMs = 15_000) {
          const end = Date.now() + timeoutMs;
          for (;;) {
            const current = await state();
            if (fits(current)) return current;
            if (Date.now() > end)
              throw new Error(
                `${name}: not in time: ${what}\n${JSON.stringify({ ...current, messages: current.messages.length })}\n${errors.slice(-5).join('\n')}`,
              );
            await new Promise((resolve) => setTimeout(resolve, 25));
          }
        },
      };
    },
    async close() {
      child.stdin.end();
      const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await exited;
      clearTimeout(timer);
    },
  };
}
