import { fileURLToPath } from 'node:url';
import { expect, test } from '@playwright/test';
import { findPlaintext, pcmMarkers, textMarkers } from '../support/plaintext-search.ts';
import { startRelay } from '../support/relay-process.ts';
import { loadSpeech } from '../support/speech.ts';
import { openWorkbench } from '../support/workbench.ts';

test('nothing that a relay receives, logs or stores shows what is said or written', async () => {
  const relay = await startRelay({ recordReceived: true });
  const speech = loadSpeech(fileURLToPath(new URL('../..', import.meta.url)));
  const [ada, ben] = await Promise.all([openWorkbench({ microphone: speech }), openWorkbench()]);
  const texts = ['The marker of Ada is 5fd1c0a97e.', 'The marker of Ben is b83e2af064.'] as const;
  for (const [person, name] of [
    [ada, 'Ada'],
    [ben, 'Ben'],
  ] as const) {
    await person.createIdentity(name);
    await person.connect('127.0.0.1', relay.port);
    await person.joinRoom('Lobby');
  }
  for (const person of [ada, ben])
    await person.until(
      'in both groups',
      ({ call, lobby }) => call.members?.length === 2 && lobby?.members.length === 2,
    );
  await ada.write(texts[0]);
  await ben.write(texts[1]);
  await expect(ben.page.getByTestId('chat-message').filter({ hasText: texts[0] })).toHaveCount(1);
  await expect(ada.page.getByTestId('chat-message').filter({ hasText: texts[1] })).toHaveCount(1);
  await ben.until('speech', ({ stats }) => (stats?.framesReceived ?? 0) > 150, 30_000);
  const { capture } = await ada.taps();
  await Promise.all([ada.close(), ben.close()]);
  const { everything, datagrams } = await relay.stopAndCollect();

  expect(datagrams).toBeGreaterThan(150);
  const audio = pcmMarkers(capture.samples);
  expect(audio.length).toBeGreaterThan(50);
  expect(findPlaintext(everything, [...textMarkers(texts), ...audio])).toBe(false);
  // The search would have found it: the same traces with one message in the clear.
  expect(findPlaintext([...everything, Buffer.from(`x${texts[0]}`)], textMarkers(texts))).toBe(true);
  // The record is of this conversation: the names, which a relay may know, are in it.
  expect(findPlaintext(everything, [Buffer.from('Ada')])).toBe(true);
});
