import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright';
import type { StampedAudio } from '../../core/media/speech-comparison.ts';
import { launchChromium } from './chromium.ts';
import { writeWav, type Recording } from './wav-file.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const START_TIMEOUT_MS = 30_000;

/** How to start a workbench for a test. */
export interface WorkbenchOptions {
  /** Kept by the caller; without it a fresh one is made and removed. */
  readonly profile?: string;
  /** What the fake microphone plays, over and over. */
  readonly microphone?: Recording;
  /** Another build than `dist`, with extensions of a test in it. */
  readonly dist?: string;
  readonly viewport?: { readonly width: number; readonly height: number };
}

/** A whole program of one person: web host process, Chromium, workbench. */
export interface Workbench {
  readonly page: Page;
  readonly profile: string;
  /** Errors the page has reported so far. */
  readonly pageErrors: readonly string[];
  /** Creates the identity in the first-run view. A passphrase is typed when there is no keychain. */
  createIdentity(name: string): Promise<void>;
  unlock(): Promise<void>;
  connect(host: string, port: number, password?: string): Promise<void>;
  /** Clicks the room in the tree and waits until its call's group is in force. */
  joinRoom(name: string): Promise<void>;
  write(text: string): Promise<void>;
  /** Waits until everything in the call is encrypted for so many members. */
  waitForMembers(count: number, timeoutMs?: number): Promise<void>;
  /** Polls the diagnostics until they fit. */
  until(
    what: string,
    fits: (state: WorkbenchDiagnostics) => boolean,
    timeoutMs?: number,
  ): Promise<WorkbenchDiagnostics>;
  taps(): Promise<{ readonly capture: StampedAudio; readonly playback: StampedAudio }>;
  diagnostics(): Promise<WorkbenchDiagnostics>;
  close(): Promise<void>;
}

/** What the page tells with diagnostics on. */
export interface WorkbenchDiagnostics {
  readonly connection: {
    readonly state: string;
    readonly transport?: string;
    readonly rttMs?: number | null;
    readonly error?: { readonly code: string };
  };
  readonly call: {
    readonly state: string;
    readonly epoch?: number | null;
    readonly suite?: string;
    readonly members?: readonly { readonly session: number; readonly name: string }[];
  };
  readonly speaking: readonly number[];
  /** The group of the first room's messages. */
  readonly lobby: { readonly state: string; readonly members: readonly unknown[] } | null;
  readonly stats: {
    readonly lossPercent: number;
    readonly framesSent: number;
    readonly framesReceived: number;
    readonly datagramsReceived: number;
    readonly rejected: number;
    readonly rttMs: number | null;
    readonly people: readonly {
      readonly session: number;
      readonly received: number;
      readonly lost: number;
      readonly late: number;
    }[];
  } | null;
}

const SESSION = 'globalThis.conclaveDiagnostics.session';
const STATE = `(() => {
  const session = ${SESSION};
  return {
    connection: session.connection.current,
    call: session.call.current,
    speaking: [...session.speaking.current.sessions],
    stats: session.stats.current ?? null,
    lobby: session.textGroup(1) ?? null,
  };
})()`;
/** The browser's processing changes the sound so much that it cannot be compared with its source. */
const PLAIN_AUDIO = {
  'voice.echoCancellation': false,
  'voice.autoGainControl': false,
  'voice.noiseSuppression': false,
};

/** Typed wherever a passphrase is asked for. */
export const PASSPHRASE = 'harbour lights at seven';

/** Starts the built web host on a free port and opens its page in a headless Chromium. */
export async function openWorkbench(options: WorkbenchOptions = {}): Promise<Workbench> {
  const ownProfile = options.profile === undefined;
  const profile = options.profile ?? mkdtempSync(join(tmpdir(), 'conclave-profile-'));
  const scratch = mkdtempSync(join(tmpdir(), 'conclave-workbench-'));
  const settings = join(profile, 'settings.json');
  if (!existsSync(settings)) writeFileSync(settings, JSON.stringify(PLAIN_AUDIO, null, 2));
  const child = spawn(
    process.execPath,
    [
      join(options.dist ?? join(root, 'dist'), 'main/serve.js'),
      '--profile',
      profile,
      '--port',
      '0',
      '--diagnostics',
      '--exit-with-parent',
    ],
    { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, DBUS_SESSION_BUS_ADDRESS: '' } },
  );
  const log: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => log.push(line));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const { url } = await new Promise<{ readonly url: string }>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`the web host did not start: ${log.join('\n')}`)),
      START_TIMEOUT_MS,
    );
    createInterface({ input: child.stdout }).once('line', (line) => {
      clearTimeout(timer);
      resolve(JSON.parse(line) as { url: string });
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`the web host ended with ${code}: ${log.join('\n')}`));
    });
  });
  const pageErrors: string[] = [];
  const microphoneFile = join(scratch, 'microphone.wav');
  if (options.microphone) writeWav(microphoneFile, options.microphone);
  const browser = await launchChromium(options.microphone ? microphoneFile : undefined);
  const context = await browser.newContext({ viewport: options.viewport ?? { width: 1280, height: 800 } });
  const page = await context.newPage();
  page.on('pageerror', (error) => pageErrors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') pageErrors.push(message.text());
  });
  await page.goto(url);

  const diagnostics = async (): Promise<WorkbenchDiagnostics> =>
    (await page.evaluate(STATE)) as WorkbenchDiagnostics;
  const testId = (id: string) => page.getByTestId(id);
  const workbench: Workbench = {
    page,
    profile,
    pageErrors,
    async createIdentity(name) {
      await testId('welcome-name').fill(name);
      const passphrase = testId('welcome-passphrase');
      if (await passphrase.isVisible()) {
        await passphrase.fill(PASSPHRASE);
        await testId('welcome-passphrase-again').fill(PASSPHRASE);
      }
      await testId('welcome-create').click();
      await testId('welcome-fingerprint').waitFor();
    },
    async unlock() {
      await testId('welcome-unlock-passphrase').fill(PASSPHRASE);
      await testId('welcome-unlock').click();
      await testId('welcome-unlock-passphrase').waitFor({ state: 'detached' });
    },
    async connect(host, port, password) {
      await testId('welcome-address').fill(`${host}:${port}`);
      if (password !== undefined) await testId('welcome-password').fill(password);
      await testId('welcome-connect').click();
    },
    async joinRoom(name) {
      await page.getByRole('treeitem', { name: new RegExp(`^${name}`) }).click();
      await workbench.until(`in the call of ${name}`, ({ call }) => call.state === 'joined');
    },
    async write(text) {
      const composer = testId('chat-composer');
      await composer.fill(text);
      await composer.press('Enter');
    },
    async waitForMembers(count, timeoutMs) {
      await workbench.until(
        `${count} members`,
        ({ call }) => (call.members ?? []).length === count,
        timeoutMs,
      );
    },
    async until(what, fits, timeoutMs = 15_000) {
      // Playwright's own polling evaluates text inside the page, which the page's policy forbids.
      const end = Date.now() + timeoutMs;
      for (;;) {
        const current = await diagnostics();
        if (fits(current)) return current;
        if (Date.now() > end) throw new Error(`not in time: ${what}\n${JSON.stringify(current)}`);
        await page.waitForTimeout(25);
      }
    },
    async taps() {
      const encoded = (await page.evaluate(`(() => {
        const encode = (array) => {
          const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
          let text = '';
          for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
          return btoa(text);
        };
        const taps = globalThis.conclaveDiagnostics.audio.taps.read();
        const recording = (tap) => ({ samples: encode(tap.samples), stamps: encode(tap.stamps) });
        return { capture: recording(taps.capture), playback: recording(taps.playback) };
      })()`)) as Record<'capture' | 'playback', { readonly samples: string; readonly stamps: string }>;
      const decode = ({
        samples,
        stamps,
      }: {
        readonly samples: string;
        readonly stamps: string;
      }): StampedAudio => {
        const bytes = (text: string): ArrayBuffer => new Uint8Array(Buffer.from(text, 'base64')).buffer;
        return { samples: new Float32Array(bytes(samples)), stamps: new Float64Array(bytes(stamps)) };
      };
      return { capture: decode(encoded.capture), playback: decode(encoded.playback) };
    },
    diagnostics,
    async close() {
      await browser.close();
      child.stdin.end();
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await exited;
      clearTimeout(timer);
      rmSync(scratch, { recursive: true, force: true });
      if (ownProfile) rmSync(profile, { recursive: true, force: true });
    },
  };
  return workbench;
}
