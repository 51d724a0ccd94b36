import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AudioSettings } from '../../../core/media/media-contract.ts';
import { launchChromium } from '../../support/chromium.ts';
import { loadSpeech, writeMicrophoneFile } from '../../support/speech.ts';
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
    writeMicrophoneFile(microphone, loadSpeech(fileURLToPath(new URL('../../..', import.meta.url))));
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
      page.on('pageerror', (error) => console.error(error));
      page.on('console', (message) => {
        if (message.type() === 'error') console.error(message.text());
      });
      await page.goto(host.url);
      const state = await page.evaluate((options) => mediaTrial.start(options), {
        port: relay.port,
        certificateHash: relay.certificateHash,
        settings,
        processing: false,
      });
      expect(state.microphone).toEqual({ state: 'live' });
      await run(page, relay);
    } finally {
      await context.close();
      relay.stop();
    }
  }

  const hear = (page: Page, seconds: number, frameMs: number): Promise<void> =>
    page.evaluate((frames) => mediaTrial.hear(frames), (seconds * 1000) / frameMs);

  it('brings speech from the microphone to the loudspeaker', { timeout: 90_000 }, async () => {
    await trial({ loss: 0, jitterMs: 0 }, SETTINGS, async (page) => {
      const control = await page.evaluate(() => mediaTrial.echoControl([1, 2, 3, 250]));
      expect(control).toEqual([1, 2, 3, 250]);
      await hear(page, SPOKEN_SECONDS + 2, SETTINGS.frameMs);
      const result = await page.evaluate((seconds) => mediaTrial.compare(seconds), SPOKEN_SECONDS);
      const stats = await page.evaluate(() => mediaTrial.stats());
      console.log(
        JSON.stringify({ result, stats, underruns: await page.evaluate(() => mediaTrial.underruns()) }),
      );
      expect(result.correlation).toBeGreaterThan(0.9);
      expect(result.delay?.p50).toBeLessThan(200);
      expect(stats.rejected).toBe(0);
      expect(stats.rttMs).not.toBeNull();
      expect(await page.evaluate(() => mediaTrial.wasSpeaking())).toBe(true);
    });
  });

  it('conceals and recovers what a bad network loses', { timeout: 90_000 }, async () => {
    await trial({ loss: 0.1, jitterMs: 30 }, SETTINGS, async (page) => {
      await hear(page, SPOKEN_SECONDS + 4, SETTINGS.frameMs);
      const result = await page.evaluate((seconds) => mediaTrial.compare(seconds), SPOKEN_SECONDS);
      const { people } = await page.evaluate(() => mediaTrial.stats());
      console.log(JSON.stringify({ result, people }));
      expect(people[0]?.recoveredByFec).toBeGreaterThan(0);
      expect(result.correlation).toBeGreaterThan(0.75);
    });
  });

  it('notices a relay that is gone', { timeout: 60_000 }, async () => {
    await trial({ loss: 0, jitterMs: 0 }, SETTINGS, async (page, relay) => {
      relay.stop();
      expect(await page.evaluate(() => mediaTrial.closeReason())).toMatch(/^(unresponsive|failed|closed)$/);
    });
  });
});
