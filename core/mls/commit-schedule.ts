import type { Bytes } from '../base/bytes.ts';
import type { MlsGroup, RosterEntry } from './group.ts';

/** Somebody the relay lists for a group. */
export interface PresentMember {
  readonly identity: Bytes;
  /** 0 in text groups. */
  readonly session: number;
  /** Could commit right now. */
  readonly online: boolean;
}

type Owner = { readonly identity: Uint8Array; readonly session: number };

/**
 * Decides whose turn it is to commit and when (protocol.md §4): for joins and leaves the member with the
 * lowest leaf index who is online, and after each 2 s without a new epoch the next one as well. Regular
 * rekeying goes round, so that every leaf gets fresh keys in time.
 */
export interface CommitSchedule {
  setPresent(members: readonly PresentMember[]): void;
  epochBegan(): void;
  /** A message of the epoch in force went through the log. */
  messageSeen(): void;
  /** True when the relay lists this owner, or has not listed anybody yet. */
  isWanted(ownerKey: string): boolean;
  /** Leaves to be removed. */
  unwanted(group: MlsGroup): readonly RosterEntry[];
  /** Somebody else is online who might let this client in. */
  othersOnline(): boolean;
  /** When this client should commit, by the clock; `undefined` when there is no reason to. */
  nextCommitAt(group: MlsGroup, waiting: readonly Owner[]): number | undefined;
}

/** Newcomers and leavers of the same moment share a commit. */
const GATHER_MS = 20;
const STAND_IN_MS = 2_000;
const CALL_REKEY_MS = 15 * 60_000;
const TEXT_REKEY_MS = 5 * 60_000;
const TEXT_REKEY_MESSAGES = 50;

/** Makes a schedule that knows of nobody. `now` counts milliseconds. */
export function createCommitSchedule(options: {
  readonly kind: 'call' | 'text';
  readonly ownerKey: (owner: Owner) => string;
  readonly ownKey: string;
  readonly now: () => number;
}): CommitSchedule {
  const { kind, ownerKey, ownKey, now } = options;
  let present: ReadonlyMap<string, PresentMember> | undefined;
  let epochSince = now();
  let workSince: number | undefined;
  let messages = 0;
  let firstMessageAt: number | undefined;
  let manyMessagesAt: number | undefined;

  const isWanted = (key: string): boolean => present?.has(key) ?? true;
  const isOnline = (key: string): boolean => present?.get(key)?.online ?? present === undefined;
  const unwanted = (group: MlsGroup): readonly RosterEntry[] =>
    group.roster.filter(
      (entry) => entry !== group.own && (!isWanted(ownerKey(entry)) || ownerKey(entry) === ownKey),
    );
  /** How many others come before this client, going round from the given leaf on. */
  const rank = (group: MlsGroup, leaving: readonly RosterEntry[], first: number): number => {
    const able = group.roster.filter(
      (entry) => entry === group.own || (!leaving.includes(entry) && isOnline(ownerKey(entry))),
    );
    return (able.indexOf(group.own) - (first % able.length) + able.length) % able.length;
  };

  return {
    isWanted,
    unwanted,
    setPresent(members) {
      present = new Map(members.map((member) => [ownerKey(member), member]));
    },
    epochBegan() {
      epochSince = now();
      workSince = undefined;
      messages = 0;
      firstMessageAt = undefined;
      manyMessagesAt = undefined;
    },
    messageSeen() {
      messages += 1;
      firstMessageAt ??= now();
      if (messages >= TEXT_REKEY_MESSAGES) manyMessagesAt ??= now();
    },
    othersOnline() {
      if (!present) return true;
      for (const [key, member] of present) if (key !== ownKey && member.online) return true;
      return false;
    },
    nextCommitAt(group, waiting) {
      // The relay would refuse the commit of somebody it does not count in.
      if (!isWanted(ownKey)) return undefined;
      const leaving = unwanted(group);
      const joining = waiting.filter((owner) => isWanted(ownerKey(owner)));
      const hasWork = leaving.length + joining.length > 0;
      workSince = hasWork ? (workSince ?? now()) : undefined;
      const replaced = group.roster.filter((entry) =>
        joining.some((owner) => ownerKey(owner) === ownerKey(entry)),
      );
      const changeAt =
        workSince === undefined
          ? undefined
          : workSince + GATHER_MS + STAND_IN_MS * rank(group, [...leaving, ...replaced], 0);
      const rekeyFrom =
        kind === 'call'
          ? epochSince + CALL_REKEY_MS
          : (manyMessagesAt ?? (firstMessageAt === undefined ? undefined : firstMessageAt + TEXT_REKEY_MS));
      const rekeyAt =
        rekeyFrom === undefined ? undefined : rekeyFrom + STAND_IN_MS * rank(group, leaving, group.epoch);
      if (changeAt === undefined) return rekeyAt;
      return rekeyAt === undefined ? changeAt : Math.min(changeAt, rekeyAt);
    },
  };
}
