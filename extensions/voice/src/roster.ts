import type { Call, Person } from '../../api/conclave.d.ts';
import { strings } from './strings.ts';

/** One line of the call: a member of the encrypted group. */
export interface RosterRow {
  readonly session: number;
  readonly key: string;
  readonly name: string;
  readonly self: boolean;
  readonly talking: boolean;
  readonly muted: boolean;
  readonly deafened: boolean;
  readonly verified: boolean;
  readonly leaving: boolean;
  readonly external: boolean;
  /** 0 to 2. */
  readonly volume: number;
}

/** How the server's list and the group differ. */
export interface Mismatch {
  /** The server lists them, but they have no keys. */
  readonly listedOnly: readonly string[];
  /** They have keys, but the server does not list them. */
  readonly membersOnly: readonly string[];
}

type ActiveCall = Exclude<Call, { readonly state: 'none' }>;

/**
 * The rows of a call. They are the group's members and nobody else: who holds the keys can hear, whatever
 * the server says. The server's list only adds what it alone knows (muted, deafened, verified). The own row
 * comes first, the others by name.
 */
export function buildRoster(
  call: ActiveCall,
  people: readonly Person[],
  speaking: ReadonlySet<number>,
  transmitting: boolean,
): readonly RosterRow[] {
  const bySession = new Map(people.map((person) => [person.session, person]));
  return call.members
    .map((member): RosterRow => {
      const person = bySession.get(member.session);
      return {
        session: member.session,
        key: member.key,
        name: member.name,
        self: member.self,
        // Nobody who has left is heard, and the own light shows what is really sent.
        talking: !member.leaving && (member.self ? transmitting : speaking.has(member.session)),
        muted: member.self ? call.muted : (person?.muted ?? false),
        deafened: member.self ? call.deafened : (person?.deafened ?? false),
        verified: person?.verified ?? false,
        leaving: member.leaving,
        external: member.external,
        volume: member.volume,
      };
    })
    .sort((a, b) => Number(b.self) - Number(a.self) || a.name.localeCompare(b.name) || a.session - b.session);
}

/** Who is on one list only; undefined when the lists agree. */
export function findMismatch(call: ActiveCall, people: readonly Person[]): Mismatch | undefined {
  if (!call.mismatch) return undefined;
  const members = new Set(call.members.map(({ session }) => session));
  const listed = new Set(
    people.filter(({ room, inCall }) => inCall && room === call.room).map(({ session }) => session),
  );
  return {
    listedOnly: people
      .filter(({ session }) => listed.has(session) && !members.has(session))
      .map(({ name }) => name),
    membersOnly: call.members
      .filter(({ session, leaving }) => !leaving && !listed.has(session))
      .map(({ name }) => name),
  };
}

/** A cipher suite in words; unknown ones keep their registered name (RFC 9420 §17.1). */
export function suiteName(suite: string): string {
  if (suite.includes('XWING')) return strings.hybrid;
  if (suite.includes('P256')) return strings.p256;
  if (suite.includes('X25519')) return strings.x25519;
  return suite;
}

/** When the microphone sends. */
export type VoiceMode = 'voiceActivity' | 'pushToTalk' | 'continuous';

/** What the status bar says about the microphone. */
export function microphoneStatus(
  call: Call,
  mode: VoiceMode,
  transmitting: boolean,
): { readonly text: string; readonly tooltip: string; readonly kind: 'normal' | 'warning' | 'prominent' } {
  if (call.muted || call.deafened)
    return { text: `$(mic~off) ${strings.statusMuted}`, tooltip: strings.clickToUnmute, kind: 'warning' };
  if (call.state !== 'none' && transmitting)
    return {
      text: `$(mic-filled) ${strings.statusSending}`,
      tooltip: strings.clickToMute,
      kind: 'prominent',
    };
  const words = {
    voiceActivity: strings.statusListening,
    pushToTalk: strings.statusPushToTalk,
    continuous: strings.statusOpen,
  };
  return { text: `$(mic) ${words[mode]}`, tooltip: strings.clickToMute, kind: 'normal' };
}
