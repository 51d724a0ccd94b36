import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright';

const CANDIDATES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
];

/** The Chromium to test with. @throws Error that says what to install. */
export function findChromium(): string {
  const named = process.env['CONCLAVE_CHROMIUM'];
  const found = named ?? CANDIDATES.find((path) => existsSync(path));
  if (!found || !existsSync(found))
    throw new Error(
      'No Chromium was found. Install the package "chromium", or name one in CONCLAVE_CHROMIUM.',
    );
  return found;
}

/**
 * Starts a headless Chromium with a fake microphone.
 * @param microphoneFile WAV file the microphone plays in a loop; a quiet beep track without it.
 */
export function launchChromium(microphoneFile?: string): Promise<Browser> {
  return chromium.launch({
    executablePath: findChromium(),
    headless: true,
    args: [
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--autoplay-policy=no-user-gesture-required',
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
      ...(microphoneFile === undefined ? [] : [`--use-file-for-fake-audio-capture=${microphoneFile}`]),
    ],
  });
}
