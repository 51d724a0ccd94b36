/**
 * Headless clients in one Deno process: the real session and media engine over Deno's own WebTransport,
 * without a page. Tests and benchmarks drive them by JSON lines.
 */
import { systemClock } from '../../../core/base/async.ts';
import { CodedError } from '../../../core/base/coded-error.ts';
import { silentLogger } from '../../../core/base/log.ts';
import { parse, type Schema } from '../../../core/base/schema.ts';
import { allocateAudioRing, openAudioRing, type AudioRing } from '../../../core/media/audio-ring.ts';
import { createNoiseSuppressor } from '../../../core/media/noise-suppressor.ts';
import { createOpusCodec } from '../../../core/media/opus-codec.ts';
import type { MediaStats } from '../../../core/media/media-contract.ts';
import { createSession } from '../../../core/session/session.ts';
import type { CallState, ConnectionState, TextMessage } from '../../../core/session/session-contract.ts';
import { createMemoryKeychain, createMemoryRecords } from '../../../core/session/testing/memory-ports.ts';
import { createMediaEngine, type MediaEngine } from '../../../core/workers/media/media-engine.ts';
import { openWebTransport } from '../../../core/workers/media/web-transport-client.ts';
import { sessionSchemas } from '../../../core/workers/session/session-schemas.ts';
import type { MediaPort } from '../../../core/session/ports.ts';
import type { AgentCommand, AgentState } from './agent-protocol.ts';

declare const Deno: {
  readonly args: readonly string[];
  readonly stdin: { readonly readable: ReadableStream<Uint8Array> };
  readFile(path: string): Promise<Uint8Array<ArrayBuffer>>;
  exit(code: number): never;
};

const RING_SAMPLES = 48_000;
const BLOCK = 480;

/** Joins the media engine to the session without workers between them. */
function directMediaPort(engine: MediaEngine): MediaPort {
  const { session } = engine;
  return {
    connect: async (options) => session['transport.connect'](options),
    probeQuic: async (options) => session['transport.probeQuic'](options),
    async close(transport) {
      await session['transport.close']({ transport });
    },
    send(transport, bytes) {
      void Promise.resolve(session['control.send']({ transport, bytes })).catch(() => {});
    },
    async startCall(transport, slot) {
      await session['call.start']({ transport, slot });
    },
    async stopCall() {
      await session['call.stop']({});
    },
    async setEpoch(keys) {
      await session['call.setEpoch'](keys);
    },
    async setTransmission(state) {
      await session['call.setTransmission'](state);
    },
    async setVolume(person, gain) {
      await session['call.setVolume']({ session: person, gain });
    },
    onReceive: engine.onControl,
    onClose: engine.onTransportClosed,
    onStats: engine.onStats,
  };
}

async function fetchDescriptor(host: string, port: number): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const response = await fetch(`https://${host}:${port}/.well-known/conclave`);
    return new Uint8Array(await response.arrayBuffer());
  } catch {
    throw new CodedError('unreachable', 'There is no answer.');
  }
}

interface Agent {
  readonly handlers: ReturnType<typeof createSession>['handlers'];
  readonly state: () => AgentState;
  readonly call: (method: string, argument: unknown) => Promise<unknown>;
  readonly speak: (on: boolean) => void;
  readonly dispose: () => void;
}

const [opusFile, rnnoiseFile] = Deno.args as [string, string];
const opusModule = await WebAssembly.compile(await Deno.readFile(opusFile));
const rnnoiseModule = await WebAssembly.compile(await Deno.readFile(rnnoiseFile));
const recordings = new Map<string, Float32Array>();

/** Raw 32-bit float samples at 48 kHz. */
async function loadMicrophone(path: string): Promise<Float32Array> {
  let samples = recordings.get(path);
  if (!samples) {
    samples = new Float32Array((await Deno.readFile(path)).buffer);
    recordings.set(path, samples);
  }
  return samples;
}

async function createAgent(name: string, microphone: string | undefined): Promise<Agent> {
  const engine = createMediaEngine({
    openers: { quic: openWebTransport },
    codec: createOpusCodec(opusModule),
    suppressor: createNoiseSuppressor(rnnoiseModule),
    clock: systemClock,
  });
  const session = createSession({
    media: directMediaPort(engine),
    records: createMemoryRecords(),
    keychain: createMemoryKeychain(true),
    fetchDescriptor,
    prepareFallback: () => Promise.resolve(undefined),
    clock: systemClock,
    logger: silentLogger,
  });
  await session.handlers['vault.create']({ displayName: name });

  let connection: ConnectionState = { state: 'disconnected' };
  let call: CallState = { state: 'none', muted: false, deafened: false };
  const messages = new Map<string, TextMessage>();
  const textGroups = new Map<number, AgentState['textGroups'][number]>();
  const notices: string[] = [];
  let stats: MediaStats | undefined;
  let joinStarted = 0;
  let joinMs: number | null = null;
  let firstFrameMs: number | null = null;
  session.on('connection.changed')((next) => (connection = next));
  session.on('call.changed')((next) => (call = next));
  session.on('text.changed')((message) => messages.set(message.id, message));
  session.on('text.group')(({ room, state, members }) =>
    textGroups.set(room, { room, state, members: members.length }),
  );
  session.on('notice')((notice) => notices.push(notice.code));
  engine.onStats((next) => (stats = next));
  const watch = setInterval(() => {
    if (joinStarted === 0 || firstFrameMs !== null) return;
    const now = engine.page['media.stats']({}) as MediaStats;
    if (now.framesReceived > 0) firstFrameMs = performance.now() - joinStarted;
  }, 5);

  const capture = allocateAudioRing(RING_SAMPLES);
  const playback = allocateAudioRing(RING_SAMPLES);
  const captureRing: AudioRing = openAudioRing(capture);
  const playbackRing: AudioRing = openAudioRing(playback);
  let speech: Float32Array | undefined;
  let position = 0;
  let clockTimer: ReturnType<typeof setInterval> | undefined;
  if (microphone !== undefined) {
    await loadMicrophone(microphone);
    await engine.page['audio.configure']({
      mode: 'continuous',
      thresholdDb: -50,
      noiseSuppression: false,
      inputGain: 1,
      outputGain: 1,
      frameMs: 20,
      bitrate: 32_000,
    });
    await engine.page['audio.attach']({ capture, playback });
    // Audio hardware by the wall clock: what the timer missed is made up for at its next turn.
    const started = performance.now();
    let blocks = 0;
    const out = new Float32Array(BLOCK);
    const quiet = new Float32Array(BLOCK);
    clockTimer = setInterval(() => {
      while (blocks * 10 < performance.now() - started) {
        blocks += 1;
        if (speech) {
          for (let i = 0; i < BLOCK; i++) out[i] = speech[(position + i) % speech.length] as number;
          position += BLOCK;
          captureRing.write(out);
        } else captureRing.write(quiet);
        playbackRing.read(out);
      }
    }, 5);
  }

  return {
    handlers: session.handlers,
    async call(method, argument) {
      const handler = (session.handlers as Record<string, (argument: unknown) => unknown>)[method];
      const schema = (sessionSchemas as unknown as Record<string, Schema<unknown>>)[method];
      if (!handler || !schema) throw new CodedError('unknown_method', method);
      const checked = parse(schema, argument);
      if (!checked.ok)
        throw new CodedError('invalid_argument', `${checked.error.path}: ${checked.error.message}`);
      if (method === 'call.join') {
        joinStarted = performance.now();
        firstFrameMs = null;
        joinMs = null;
      }
      const value = await handler(checked.value);
      if (method === 'call.join') joinMs = performance.now() - joinStarted;
      return value;
    },
    state: () => ({
      connection,
      call,
      messages: [...messages.values()],
      textGroups: [...textGroups.values()],
      notices,
      stats: {
        framesReceived: stats?.framesReceived ?? 0,
        datagramsReceived: stats?.datagramsReceived ?? 0,
        rejected: stats?.rejected ?? 0,
        framesSent: stats?.framesSent ?? 0,
        late: stats?.people.reduce((sum, person) => sum + person.late, 0) ?? 0,
        lost: stats?.people.reduce((sum, person) => sum + person.lost, 0) ?? 0,
      },
      joinMs,
      firstFrameMs,
    }),
    speak(on) {
      speech = on && microphone !== undefined ? recordings.get(microphone) : undefined;
      position = 0;
    },
    dispose() {
      clearInterval(watch);
      clearInterval(clockTimer);
      session.dispose();
      engine.dispose();
    },
  };
}

const agents = new Map<string, Agent>();
const agentOf = (name: string): Agent => {
  const agent = agents.get(name);
  if (!agent) throw new CodedError('unknown_agent', name);
  return agent;
};

async function run(command: AgentCommand): Promise<unknown> {
  switch (command.do) {
    case 'create':
      agents.set(command.name, await createAgent(command.name, command.microphone));
      return null;
    case 'call':
      return await agentOf(command.agent).call(command.method, command.argument);
    case 'state':
      return agentOf(command.agent).state();
    case 'speak':
      agentOf(command.agent).speak(command.on);
      return null;
    case 'destroy':
      agentOf(command.agent).dispose();
      agents.delete(command.agent);
      return null;
  }
}

let rest = '';
const decoder = new TextDecoder();
for await (const chunk of Deno.stdin.readable) {
  rest += decoder.decode(chunk, { stream: true });
  for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
    const { id, ...command } = JSON.parse(rest.slice(0, end)) as { readonly id: number } & AgentCommand;
    rest = rest.slice(end + 1);
    run(command as AgentCommand).then(
      (value) => console.log(JSON.stringify({ id, value: value ?? null })),
      (error: unknown) =>
        console.log(
          JSON.stringify({
            id,
            error:
              error instanceof CodedError
                ? { code: error.code, message: error.message }
                : { code: 'internal', message: String(error) },
          }),
        ),
    );
  }
}
Deno.exit(0);
