import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AudioSettings } from '../../../core/media/media-contract.ts';
import { findChromium, launchChromium } from '../../support/chromium.ts';
import { loadSpeech } from '../../support/speech.ts';
import { writeWav } from '../../support/wav-file.ts';
import type { MediaTrial } from './media-trial.page.ts';
import { serveTrialPage, startEchoRelay } from './trial-host.ts';

const SETTINGS: AudioSettings = {
  mode: 'continuous',
  thresholdDb: -50,
  noiseSuppression: false,
  inputGain: 1,
  outputGain: 1,
  frameMs: 20,
  bitrate: 32_000,
};
const SPOKEN_SECONDS = 8;

declare const mediaTrial: MediaTrial;

describe('the voice path in Chromium', () => {
  let browser: Browser;
  let host: Awaited<ReturnType<typeof serveTrialPage>>;
  const folder = mkdtempSync(join(tmpdir(), 'conclave-media-'));

  beforeAll(async () => {
    const microphone = join(folder, 'speech.wav');
    writeWav(microphone, loadSpeech(fileURLToPath(new URL('../../..', import.meta.url))));
    [browser, host] = await Promise.all([launchChromium(microphone), serveTrialPage()]);
  });
  afterAll(async () => {
    await browser?.close();
    host?.close();
    rmSync(folder, { recursive: true });
  });

  async function trial(
    network: { readonly loss: number; readonly jitterMs: number },
    settings: AudioSettings,
    run: (page: Page, relay: Awaited<ReturnType<typeof startEchoRelay>>) => Promise<void>,
  ): Promise<void> {
    const relay = await startEchoRelay(network);
    const context = await browser.newContext({ permissions: ['microphone'] });
    try {
      const page = await context.newPage();
      const errors: unknown[] = [];
      page.on('pageerror', (error) => errors.push(error));
      await page.goto(host.url);
      const state = await page.evaluate((options) => mediaTrial.start(options), {
        port: relay.port,
        certificateHash: relay.certificateHash,
        settings,
        processing: false,
      });
      expect(state.microphone).toEqual({ state: 'live' });
      await run(page, relay);
      expect(errors).toEqual([]);
    } finally {
      await context.close();
      relay.stop();
    }
  }

  const hear = (page: Page, seconds: number, frameMs: number): Promise<void> =>
    page.evaluate((frames) => mediaTrial.hear(frames), (seconds * 1000) / frameMs);

  /**
   * Listens until enough seconds of the last ones were heard as they were said. Audio in real time suffers when
   * the machine is busy with something else, so this waits for a quiet moment; a broken path never has one.
   */
  async function hearClearly(page: Page, correlation: number, seconds: number): Promise<void> {
    for (let frames = 0; ;) {
      const { windows } = await page.evaluate((span) => mediaTrial.compare(span), SPOKEN_SECONDS);
      if (windows.filter((value) => value > correlation).length >= seconds) return;
      frames = (await page.evaluate(() => mediaTrial.stats())).framesReceived + 100;
      await page.evaluate((count) => mediaTrial.hear(count), frames);
    }
  }

  it('brings speech from the microphone to the loudspeaker', { timeout: 120_000 }, async () => {
    await trial({ loss: 0, jitterMs: 0 }, SETTINGS, async (page) => {
      const control = await page.evaluate(() => mediaTrial.echoControl([1, 2, 3, 250]));
      expect(control).toEqual([1, 2, 3, 250]);
      await hearClearly(page, 0.9, 4);
      const stats = await page.evaluate(() => mediaTrial.stats());
      expect(stats.rejected).toBe(0);
      expect(stats.rttMs).not.toBeNull();
      expect(await page.evaluate(() => mediaTrial.wasSpeaking())).toBe(true);
    });
  });

  it('conceals and recovers what a bad network loses', { timeout: 120_000 }, async () => {
    await trial({ loss: 0.1, jitterMs: 30 }, SETTINGS, async (page) => {
      await hear(page, 6, SETTINGS.frameMs);
      await hearClearly(page, 0.8, 4);
      const { people } = await page.evaluate(() => mediaTrial.stats());
      expect(people[0]?.lost).toBeGreaterThan(10);
      expect(people[0]?.recoveredByFec).toBeGreaterThan(5);
    });
  });

  it('carries push-to-talk and noise suppression', { timeout: 90_000 }, async () => {
    const settings: AudioSettings = {
      ...SETTINGS,
      mode: 'pushToTalk',
      noiseSuppression: true,
      frameMs: 10,
    };
    await trial({ loss: 0, jitterMs: 0 }, settings, async (page) => {
      expect(await page.evaluate(() => mediaTrial.stats())).toMatchObject({ framesSent: 0 });
      await page.evaluate(() => mediaTrial.talk(true));
      await hear(page, 2, settings.frameMs);
      await page.evaluate(() => mediaTrial.talk(false));
      await page.evaluate(() => mediaTrial.silent());
      const after = await page.evaluate(() => mediaTrial.stats());
      expect(after.framesSent).toBeGreaterThanOrEqual(200);
      expect(await page.evaluate(() => mediaTrial.wasSpeaking())).toBe(true);
    });
  });

  const recovered = (page: Page): Promise<unknown> =>
    page.waitForFunction(() => {
      const { output, microphone } = mediaTrial.state();
      return output === 'running' && microphone.state === 'live';
    });
  /** Resolves when so many more frames have made the whole way. */
  const hearMore = async (page: Page, frames: number): Promise<void> => {
    const { people } = await page.evaluate(() => mediaTrial.stats());
    const wanted = (people[0]?.received ?? 0) + frames;
    await page.evaluate((count) => mediaTrial.hear(count), wanted);
  };

  it(
    'comes back from a suspended output and a microphone that was unplugged',
    { timeout: 60_000 },
    async () => {
      await trial({ loss: 0, jitterMs: 0 }, SETTINGS, async (page) => {
        await hearMore(page, 50);
        await page.evaluate(() => mediaTrial.suspendOutput());
        await recovered(page);
        await hearMore(page, 50);

        await page.evaluate(() => mediaTrial.occupyMicrophone(true));
        const told = await page.evaluate(() => {
          mediaTrial.unplugMicrophone();
          return mediaTrial.state().microphone;
        });
        expect(told).toMatchObject({ state: 'failed', code: 'microphone_lost' });
        await page.waitForFunction(() => {
          const { microphone } = mediaTrial.state();
          return microphone.state === 'failed' && microphone.code === 'microphone_busy';
        });
        await page.evaluate(() => mediaTrial.occupyMicrophone(false));
        // By itself within the interval of its attempts, and at once when the system tells of a device.
        await page.evaluate(() => mediaTrial.changeDevices());
        await recovered(page);
        await hearMore(page, 50);

        await page.evaluate(() => mediaTrial.unplugMicrophone());
        await recovered(page);
        await hearMore(page, 50);
      });
    },
  );

  it.runIf(existsSync('/proc/self/cmdline'))(
    'comes back when the audio service of the browser dies',
    { timeout: 120_000 },
    async () => {
      await trial({ loss: 0, jitterMs: 0 }, SETTINGS, async (page) => {
        await hearMore(page, 50);
        const session = await browser.newBrowserCDPSession();
        const { processInfo } = await session.send('SystemInfo.getProcessInfo');
        const services = processInfo.filter(({ id }) =>
          readFileSync(`/proc/${id}/cmdline`, 'latin1').includes('audio.mojom.AudioService'),
        );
        expect(services.length).toBe(1);
        for (const { id } of services) process.kill(id, 'SIGKILL');
        await page.waitForFunction(() => {
          const { output, microphone } = mediaTrial.state();
          return output !== 'running' || microphone.state !== 'live';
        });
        await recovered(page);
        await hearMore(page, 100);
        await hearClearly(page, 0.8, 3);
      });
    },
  );

  it('notices a relay that is gone', { timeout: 60_000 }, async () => {
    await trial({ loss: 0, jitterMs: 0 }, SETTINGS, async (page, relay) => {
      relay.stop();
      expect(await page.evaluate(() => mediaTrial.closeReason())).toMatch(/^(unresponsive|failed|closed)$/);
    });
  });

  it('lets a person without a microphone listen, and says what to do', { timeout: 60_000 }, async () => {
    const bare = await chromium.launch({
      executablePath: findChromium(),
      args: [
        ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
        '--no-first-run',
        '--disable-background-networking',
        '--autoplay-policy=no-user-gesture-required',
        // Where there is no microphone the device is missing, where there is one it is refused.
        '--deny-permission-prompts',
      ],
    });
    try {
      const page = await bare.newPage();
      await page.goto(host.url);
      const state = await page.evaluate(() => mediaTrial.openDevices());
      expect(state.microphone).toMatchObject({
        state: 'failed',
        code: expect.stringMatching(/^microphone_(denied|missing)$/),
      });
      expect(state.microphone).toHaveProperty('message', expect.stringContaining('you can listen'));
      await page.waitForFunction(() => mediaTrial.state().output === 'running');
    } finally {
      await bare.close();
    }
  });
});
