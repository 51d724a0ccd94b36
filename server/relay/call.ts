import type { CallMember } from '../../core/protocol/control-message.ts';
import { formatGroupReference } from '../../core/protocol/group-reference.ts';
import { createMemoryGroupStorage } from './memory-group-storage.ts';
import type { GroupStorage } from './relay-store.ts';
import type { Session } from './session.ts';

/** The call of a room while somebody is in it. */
export interface Call {
  readonly room: number;
  generation: number;
  group: GroupStorage;
  readonly members: Map<number, Session>;
  /** Who hears the others: the members who are not deafened. Replaced, never changed in place. */
  listeners: readonly Session[];
  nextSlot: number;
  readonly fanOut: FanOutState;
}

/** What the media router remembers of a call. */
export interface FanOutState {
  window: number;
  windowStart: number;
  speakers: number;
  lastSpeakers: number;
  pending: PendingFrame[];
}

/** A frame waiting for the end of its tick. */
export interface PendingFrame {
  readonly sender: Session;
  readonly datagram: Uint8Array;
}

const SLOTS = 0x10000;

/** Starts a call with nobody in it. */
export function createCall(room: number, generation: number): Call {
  return {
    room,
    generation,
    group: createMemoryGroupStorage(),
    members: new Map(),
    listeners: [],
    nextSlot: 0,
    fanOut: { window: 1, windowStart: 0, speakers: 0, lastSpeakers: 0, pending: [] },
  };
}

/**
 * Adds a session, giving it a slot. Slots go round instead of being reused at once, so that a late datagram
 * of somebody who left is not taken for the newcomer's. @returns false when all slots are taken.
 */
export function joinCall(call: Call, session: Session): boolean {
  if (call.members.size >= SLOTS) return false;
  const taken = new Set([...call.members.values()].map((member) => member.slot));
  while (taken.has(call.nextSlot)) call.nextSlot = (call.nextSlot + 1) % SLOTS;
  session.slot = call.nextSlot;
  call.nextSlot = (call.nextSlot + 1) % SLOTS;
  session.call = call;
  session.spokeIn = 0;
  call.members.set(session.id, session);
  updateListeners(call);
  return true;
}

/** Takes a session out. */
export function leaveCall(call: Call, session: Session): void {
  call.members.delete(session.id);
  session.call = null;
  call.group.removeWaiting([session.identity]);
  call.fanOut.pending = call.fanOut.pending.filter((frame) => frame.sender !== session);
  updateListeners(call);
}

/** Recomputes who hears the others; call it when somebody's deafness changed. */
export function updateListeners(call: Call): void {
  call.listeners = [...call.members.values()].filter((member) => !member.deafened);
}

/** The reference of the call's current group. */
export function callReference(call: Call): string {
  return formatGroupReference({ kind: 'call', room: call.room, generation: call.generation });
}

/** Who has which slot. */
export function callMembers(call: Call): readonly CallMember[] {
  return [...call.members.values()].map(({ id, slot, identity }) => ({ session: id, slot, identity }));
}
