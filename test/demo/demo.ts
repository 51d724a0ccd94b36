/**
 * `npm run demo [-- --json]`: two people, each with a headless workbench and an identity of their own, meet on
 * a relay started here. One plays recorded speech into the call, the other listens; both write. At the end
 * everything the relay received, logged and stored is searched for the plaintext.
 */
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { compareSpeech } from '../../core/media/speech-comparison.ts';
import { findPlaintext, pcmMarkers, textMarkers } from '../support/plaintext-search.ts';
import { startRelay } from '../support/relay-process.ts';
import { loadSpeech } from '../support/speech.ts';
import { openWorkbench, type Workbench } from '../support/workbench.ts';

const SPEECH_SECONDS = 10;
const MESSAGES_EACH = 5;
/** A half second that correlates less with what was said was not heard. Clean calls give 0.9 and more. */
const HEARD_CORRELATION = 0.8;
/** Share of the half seconds with speech in them that must have been heard. */
const HEARD_SHARE = 0.6;
const ROOM = 'Lobby';

interface Verdict {
  readonly voice: {
    readonly heard: boolean;
    readonly correlation: number;
    readonly lossPercent: number;
    readonly latencyMs: { readonly p50: number; readonly p95: number } | null;
  };
  readonly text: { readonly delivered: number; readonly lost: number };
  readonly group: { readonly members: number; readonly epoch: number; readonly suite: string };
  readonly relay: { readonly plaintextSeen: boolean; readonly datagrams: number };
  readonly transport: string;
}

const json = process.argv.includes('--json');
const say = (line: string): void => {
  if (!json) process.stdout.write(`${line}\n`);
};
const round = (value: number, digits = 2): number => Number(value.toFixed(digits));

async function meet(person: Workbench, name: string, port: number): Promise<void> {
  await person.createIdentity(name);
  await person.connect('127.0.0.1', port);
  await person.joinRoom(ROOM);
}

/** One line per second while the speech plays. */
async function showCall(ben: Workbench, seconds: number): Promise<void> {
  say('  time   epoch   heard frames   lost   round trip   talking');
  for (let i = 1; i <= seconds; i++) {
    await ben.page.waitForTimeout(1000);
    const { call, stats, speaking } = await ben.diagnostics();
    const lost = stats?.people.reduce((sum, person) => sum + person.lost, 0) ?? 0;
    say(
      `  ${String(i).padStart(3)} s  ${String(call.epoch ?? '-').padStart(5)}   ${String(stats?.framesReceived ?? 0).padStart(12)}   ` +
        `${String(lost).padStart(4)}   ${`${stats?.rttMs?.toFixed(1) ?? '-'} ms`.padStart(10)}   ${speaking.length > 0 ? 'yes' : 'no'}`,
    );
  }
}

async function countDelivered(listener: Workbench, texts: readonly string[]): Promise<number> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const shown = await listener.page.getByTestId('chat-message').allInnerTexts();
    const delivered = texts.filter(
      (text) => shown.filter((message) => message.includes(text)).length === 1,
    ).length;
    if (delivered === texts.length || Date.now() > deadline) return delivered;
    await listener.page.waitForTimeout(100);
  }
}

async function run(): Promise<Verdict> {
  const speech = loadSpeech(fileURLToPath(new URL('../..', import.meta.url)));
  const marker = randomBytes(8).toString('hex');
  const textsOf = (name: string): readonly string[] =>
    Array.from({ length: MESSAGES_EACH }, (_, i) => `${name} writes ${marker} number ${i + 1}`);
  say('Starting a relay on this computer…');
  const relay = await startRelay({ recordReceived: true });
  const people: Workbench[] = [];
  try {
    say(`The relay runs on port ${relay.port}. Opening two workbenches…`);
    const [ada, ben] = await Promise.all([openWorkbench({ microphone: speech }), openWorkbench()]);
    people.push(ada, ben);
    // The listener's own microphone stays out of the comparison.
    await meet(ada, 'Ada', relay.port);
    await meet(ben, 'Ben', relay.port);
    await Promise.all([ada.waitForMembers(2), ben.waitForMembers(2)]);
    await ben.page.getByTestId('call-mute').click();
    say('Ada and Ben are in one encrypted call. Ada speaks, Ben listens:');
    await showCall(ben, SPEECH_SECONDS);
    const { capture } = await ada.taps();
    const { playback } = await ben.taps();
    const comparison = compareSpeech(capture, playback, { windowMs: 500 });
    const correlations = comparison.windows.map((window) => window.correlation).sort((a, b) => a - b);
    const heardShare =
      correlations.filter((correlation) => correlation >= HEARD_CORRELATION).length /
      Math.max(1, correlations.length);

    for (let i = 0; i < MESSAGES_EACH; i++) {
      await ada.write(textsOf('Ada')[i] as string);
      await ben.write(textsOf('Ben')[i] as string);
    }
    const delivered =
      (await countDelivered(ben, textsOf('Ada'))) + (await countDelivered(ada, textsOf('Ben')));
    const { call, stats, connection } = await ben.diagnostics();
    await Promise.all(people.splice(0).map((person) => person.close()));
    const seen = await relay.stopAndCollect();
    const plaintextSeen = findPlaintext(seen.everything, [
      ...textMarkers([...textsOf('Ada'), ...textsOf('Ben'), marker]),
      ...pcmMarkers(capture.samples),
    ]);
    const heard = correlations.length >= 6 && heardShare >= HEARD_SHARE;
    const received = stats?.people.reduce((sum, person) => sum + person.received, 0) ?? 0;
    const lost = stats?.people.reduce((sum, person) => sum + person.lost, 0) ?? 0;
    return {
      voice: {
        heard,
        correlation: round(correlations[correlations.length >> 1] ?? 0, 3),
        lossPercent: received + lost === 0 ? 100 : round((100 * lost) / (received + lost)),
        latencyMs: comparison.delay
          ? { p50: round(comparison.delay.p50, 1), p95: round(comparison.delay.p95, 1) }
          : null,
      },
      text: { delivered, lost: 2 * MESSAGES_EACH - delivered },
      group: { members: call.members?.length ?? 0, epoch: call.epoch ?? -1, suite: call.suite ?? '' },
      relay: { plaintextSeen, datagrams: seen.datagrams },
      transport: connection.transport === 'quic' ? 'webtransport' : (connection.transport ?? 'none'),
    };
  } finally {
    await Promise.all(people.map((person) => person.close()));
    await relay.stop();
  }
}

const verdict = await run();
const good =
  verdict.voice.heard &&
  verdict.text.lost === 0 &&
  !verdict.relay.plaintextSeen &&
  verdict.group.members === 2 &&
  verdict.relay.datagrams > 0;
if (json) process.stdout.write(`${JSON.stringify(verdict)}\n`);
else {
  const { voice, text, group, relay } = verdict;
  say('');
  say(
    `  voice   ${voice.heard ? 'heard' : 'NOT heard'}, correlation ${voice.correlation}, loss ${voice.lossPercent} %`,
  );
  say(
    `  delay   ${voice.latencyMs ? `p50 ${voice.latencyMs.p50} ms, p95 ${voice.latencyMs.p95} ms (worklet to worklet)` : 'unknown'}`,
  );
  say(`  text    ${text.delivered} delivered, ${text.lost} lost`);
  say(`  group   ${group.members} members, epoch ${group.epoch}, ${group.suite}`);
  say(`  relay   ${relay.datagrams} datagrams, plaintext ${relay.plaintextSeen ? 'SEEN' : 'not seen'}`);
  say('');
  say(
    good
      ? 'Verdict: two people talked and wrote, and the relay learned nothing of it.'
      : 'Verdict: something is wrong, see above.',
  );
}
process.exit(good ? 0 : 1);
