import { toHex, type Bytes } from '../base/bytes.ts';
import { createMutex } from '../base/async.ts';
import { CodedError } from '../base/coded-error.ts';
import { createDisposableStore, type Disposable } from '../base/disposable.ts';
import { createEmitter, type Event } from '../base/event.ts';
import { logCode } from '../base/log.ts';
import type { GroupSession } from '../mls/group-session.ts';
import type { CallMember, ServerEvent } from '../protocol/control-message.ts';
import { formatGroupReference, parseGroupReference } from '../protocol/group-reference.ts';
import { DATAGRAM_KIND } from '../protocol/media-datagram.ts';
import type { ControlChannel } from './control-channel.ts';
import type { DirectoryStore } from './directory-store.ts';
import type { OpenGroup } from './group-opener.ts';
import type { SessionPorts } from './ports.ts';
import type { CallMemberInfo, CallState, Notice } from './session-contract.ts';
import { sessionError, toFailure } from './session-error.ts';
import type { VolumeStore } from './volume-store.ts';

/** The one call this client can be in: joins it, follows its group and hands the frame keys to the media worker. */
export interface CallController extends Disposable {
  readonly state: CallState;
  readonly onDidChange: Event<CallState>;
  readonly onNotice: Event<Notice>;
  /** Enters the room if need be and joins its call. @throws CodedError */
  join(room: number, password: string | undefined): Promise<void>;
  leave(): Promise<void>;
  setMuted(muted: boolean): Promise<void>;
  setDeafened(deafened: boolean): Promise<void>;
  setVolume(identity: string, gain: number): Promise<void>;
  /** A new channel: goes back into the call this client was in. */
  attach(channel: ControlChannel): void;
  /** The channel is gone. `final`: no new one will come. */
  detach(final: boolean): void;
}

interface ActiveCall {
  readonly room: number;
  readonly slot: number;
  readonly store: ReturnType<typeof createDisposableStore>;
  reference: string;
  group: GroupSession | undefined;
  members: readonly CallMember[];
  /** Groups being made while another one is in force. */
  successor: string | undefined;
}

/** Makes a controller without a call. */
export function createCallController(options: {
  readonly ports: SessionPorts;
  readonly directory: DirectoryStore;
  readonly volumes: VolumeStore;
  readonly openGroup: OpenGroup;
}): CallController {
  const { ports, directory, volumes, openGroup } = options;
  const { media, logger } = ports;
  const store = createDisposableStore();
  const changed = store.add(createEmitter<CallState>());
  const notices = store.add(createEmitter<Notice>());
  const mutex = createMutex();
  let channel: ControlChannel | undefined;
  let channelStore = createDisposableStore();
  let muted = false;
  let deafened = false;
  let wanted: { readonly room: number; readonly password: string | undefined } | undefined;
  let active: ActiveCall | undefined;
  /** The newest list the server sent for a call this client is only just joining. */
  const early: { event: Extract<ServerEvent, { readonly t: 'call.members' }> | undefined } = {
    event: undefined,
  };
  let phase: 'none' | 'joining' | 'joined' | 'recovering' = 'none';

  const memberInfo = (call: ActiveCall, group: GroupSession): readonly CallMemberInfo[] => {
    const listed = new Set(call.members.map((member) => member.session));
    return group.roster.map((leaf): CallMemberInfo => {
      const identity = toHex(leaf.identity);
      return {
        session: leaf.session,
        identity,
        name: directory.nameOf(identity),
        self: leaf.session === channel?.welcome.session,
        leaving: !listed.has(leaf.session),
        volume: volumes.gainOf(identity),
        external: leaf.external,
      };
    });
  };
  const state = (): CallState => {
    if (phase === 'none' || !wanted) return { state: 'none', muted, deafened };
    const call = active;
    const group = call?.group;
    const ready = group?.epoch !== undefined;
    const members = call && group && ready ? memberInfo(call, group) : [];
    const roster = new Set(members.map((member) => member.session));
    return {
      state: phase === 'joined' && !ready ? 'joining' : phase,
      room: wanted.room,
      muted,
      deafened,
      epoch: group?.epoch ?? null,
      suite: group?.suite ?? '',
      members,
      mismatch:
        ready &&
        call !== undefined &&
        (members.some((member) => member.leaving) ||
          call.members.some((member) => !roster.has(member.session))),
    };
  };
  const announce = (): void => changed.fire(state());

  const applyTransmission = async (): Promise<void> => {
    await media.setTransmission({ muted: muted || deafened, deafened });
    if (channel) await channel.request('presence.set', { muted: muted || deafened, deafened, away: false });
  };

  /** Gives the media worker the keys of the epoch in force, for everybody who has a slot. */
  const pushKeys = async (call: ActiveCall, group: GroupSession): Promise<void> => {
    const { epoch } = group;
    if (epoch === undefined || active !== call || call.group !== group) return;
    const slots = new Map(call.members.map((member) => [member.session, member.slot]));
    const own = channel?.welcome.session;
    const senders: { session: number; slot: number; key: Bytes }[] = [];
    let ownKey: Bytes | undefined;
    for (const leaf of group.roster) {
      const slot = slots.get(leaf.session);
      if (leaf.session === own)
        ownKey = await group.exportFrameKey(leaf.identity, leaf.session, DATAGRAM_KIND.audio);
      else if (slot !== undefined)
        senders.push({
          session: leaf.session,
          slot,
          key: await group.exportFrameKey(leaf.identity, leaf.session, DATAGRAM_KIND.audio),
        });
    }
    // The state may have moved on while the keys were derived; the newer epoch pushes its own.
    if (!ownKey || group.epoch !== epoch || active !== call || call.group !== group) return;
    await media.setEpoch({ epoch, ownKey, senders });
    for (const { session } of senders) {
      const leaf = group.roster.find((member) => member.session === session);
      const gain = leaf ? volumes.gainOf(toHex(leaf.identity)) : 1;
      if (gain !== 1) await media.setVolume(session, gain);
    }
  };

  const report = (error: unknown): void => {
    const failure = toFailure(error);
    logger.log('warn', 'call.failed', { code: logCode(failure.code) });
    notices.fire({ severity: 'warning', ...failure });
  };

  /** Follows a group from now on; the one before is dropped. */
  const adopt = (call: ActiveCall, reference: string, group: GroupSession): void => {
    const before = call.group;
    call.reference = reference;
    call.group = group;
    before?.dispose();
    group.setPresent(call.members);
  };
  const watch = (call: ActiveCall, group: GroupSession): void => {
    call.store.add(
      group.onDidChangeEpoch(() => {
        if (call.group !== group) return;
        pushKeys(call, group).catch(report);
        announce();
      }),
    );
    call.store.add(
      group.onDidFail((failure) => {
        if (call.group !== group) return;
        report(failure);
        announce();
      }),
    );
  };
  const start = async (call: ActiveCall, reference: string, epoch: number | null): Promise<void> => {
    if (!channel) return;
    const group = openGroup({ channel, reference, session: channel.welcome.session });
    watch(call, group);
    adopt(call, reference, group);
    await group.join({ exists: epoch !== null });
  };

  /**
   * The last member of a call makes its group anew: nobody should hold a group's secrets that somebody who
   * has left helped to choose. The old group stays in force until the new one is accepted.
   */
  const recreateAlone = async (call: ActiveCall): Promise<void> => {
    const parsed = parseGroupReference(call.reference);
    const current = channel;
    if (!parsed || !current || call.successor !== undefined) return;
    const reference = formatGroupReference({ ...parsed, generation: parsed.generation + 1 });
    call.successor = reference;
    const group = openGroup({ channel: current, reference, session: current.welcome.session });
    try {
      group.setPresent(call.members);
      await group.join({ exists: false });
      if (active !== call || channel !== current || call.reference === reference) {
        group.dispose();
        return;
      }
      // Epochs begin again, so the keyring must begin again too.
      await media.startCall(current.transport, call.slot);
      watch(call, group);
      adopt(call, reference, group);
      await pushKeys(call, group);
      announce();
    } catch (error) {
      group.dispose();
      logger.log('info', 'call.not_recreated', { code: logCode(toFailure(error).code) });
    } finally {
      call.successor = undefined;
    }
  };

  const handleMembers = (
    call: ActiveCall,
    event: Extract<ServerEvent, { readonly t: 'call.members' }>,
  ): void => {
    call.members = event.members;
    if (event.group !== call.reference && event.group !== call.successor) {
      // Somebody alone made the group anew before we were in it.
      mutex
        .run(async () => {
          if (active !== call || call.reference === event.group || !channel) return;
          await media.startCall(channel.transport, call.slot);
          await start(call, event.group, 0);
        })
        .catch(report);
      announce();
      return;
    }
    const { group } = call;
    if (group) {
      const alone = event.members.length === 1 && event.members[0]?.session === channel?.welcome.session;
      if (alone && group.epoch !== undefined && group.roster.length > 1) void recreateAlone(call);
      else group.setPresent(event.members);
      pushKeys(call, group).catch(report);
    }
    announce();
  };

  const stopActive = async (): Promise<void> => {
    const call = active;
    active = undefined;
    if (!call) return;
    call.group?.dispose();
    call.store.dispose();
    await media.stopCall().catch(() => {});
  };

  /** Enters the wanted call on the open channel. */
  const enter = async (): Promise<void> => {
    const target = wanted;
    const current = channel;
    if (!target || !current) return;
    await stopActive();
    const own = directory.person(current.welcome.session);
    if (own?.room !== target.room)
      await current.request('room.enter', {
        room: target.room,
        ...(target.password === undefined ? {} : { password: target.password }),
      });
    early.event = undefined;
    const answer = await current.request('call.join', { room: target.room });
    // A list that came right behind the answer was sent later than it.
    const listed = early.event?.room === target.room ? early.event : undefined;
    const call: ActiveCall = {
      room: target.room,
      slot: answer.slot,
      store: createDisposableStore(),
      reference: answer.group,
      group: undefined,
      members: listed?.members ?? answer.members,
      successor: undefined,
    };
    active = call;
    await media.startCall(current.transport, answer.slot);
    await applyTransmission();
    await start(call, answer.group, answer.epoch);
    if (active === call && phase !== 'none') phase = 'joined';
    announce();
  };

  return {
    get state() {
      return state();
    },
    onDidChange: changed.event,
    onNotice: notices.event,
    join: (room, password) =>
      mutex.run(async () => {
        if (!channel)
          throw sessionError('disconnected', 'There is no connection to a server. Connect first.');
        if (wanted?.room === room && phase === 'joined') return;
        const before = wanted;
        wanted = { room, password };
        phase = 'joining';
        announce();
        try {
          await enter();
        } catch (error) {
          wanted = undefined;
          phase = 'none';
          await stopActive();
          // Refused by the new room: stay in the call one was in, if the server still has it.
          if (before && channel && error instanceof CodedError && error.code.startsWith('room_')) {
            wanted = before;
            phase = 'joining';
            await enter().catch(() => {
              wanted = undefined;
              phase = 'none';
            });
          }
          announce();
          throw error;
        }
      }),
    leave: () =>
      mutex.run(async () => {
        const had = active !== undefined;
        wanted = undefined;
        phase = 'none';
        await stopActive();
        announce();
        if (had && channel) await channel.request('call.leave', {}).catch(() => {});
      }),
    async setMuted(next) {
      muted = next;
      // Unmuting while deafened means: let me hear and speak again.
      if (!next) deafened = false;
      announce();
      await applyTransmission();
    },
    async setDeafened(next) {
      deafened = next;
      announce();
      await applyTransmission();
    },
    async setVolume(identity, gain) {
      await volumes.set(identity, gain);
      for (const leaf of active?.group?.roster ?? [])
        if (toHex(leaf.identity) === identity) await media.setVolume(leaf.session, gain);
      announce();
    },
    attach(next) {
      channel = next;
      channelStore.dispose();
      channelStore = createDisposableStore();
      channelStore.add(
        next.onEvent((event) => {
          const call = active;
          switch (event.t) {
            case 'call.members':
              if (call?.room === event.room) handleMembers(call, event);
              else early.event = event;
              return;
            case 'call.ended':
              if (call?.room !== event.room) return;
              wanted = undefined;
              phase = 'none';
              void stopActive();
              notices.fire({ severity: 'warning', code: event.code, message: 'The server ended your call.' });
              announce();
              return;
            default:
          }
        }),
      );
      if (wanted) {
        phase = 'recovering';
        announce();
        mutex.run(enter).catch((error: unknown) => {
          report(error);
          wanted = undefined;
          phase = 'none';
          announce();
        });
      } else applyTransmission().catch(() => {});
    },
    detach(final) {
      channel = undefined;
      channelStore.dispose();
      channelStore = createDisposableStore();
      if (final) {
        wanted = undefined;
        phase = 'none';
      } else if (wanted) phase = 'recovering';
      const call = active;
      active = undefined;
      call?.group?.dispose();
      call?.store.dispose();
      media.stopCall().catch(() => {});
      announce();
    },
    dispose() {
      active?.group?.dispose();
      active?.store.dispose();
      active = undefined;
      channelStore.dispose();
      store.dispose();
    },
  };
}
