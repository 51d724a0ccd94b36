import { toHex, type Bytes } from '../base/bytes.ts';
import { createDeferred, createMutex } from '../base/async.ts';
import { CodedError } from '../base/coded-error.ts';
import { createDisposableStore, type Disposable } from '../base/disposable.ts';
import { createEmitter, type Event } from '../base/event.ts';
import { logCode } from '../base/log.ts';
import { callCode } from '../crypto/display-code.ts';
import type { EpochInForce } from '../mls/group-session.ts';
import type { CallMember, ServerEvent } from '../protocol/control-message.ts';
import { formatGroupReference, parseGroupReference } from '../protocol/group-reference.ts';
import { DATAGRAM_KIND } from '../protocol/media-datagram.ts';
import type { ControlChannel } from './control-channel.ts';
import type { DirectoryStore } from './directory-store.ts';
import { GROUP_SUITE, type OpenGroup, type RelayGroup } from './group-opener.ts';
import { createNoticeLimiter, externalJoinNotice, groupNotice } from './group-notice.ts';
import type { PeopleNames } from './people-names.ts';
import type { SessionPorts } from './ports.ts';
import type { CallMemberInfo, CallState, Notice } from './session-contract.ts';
import { sessionError, toFailure } from './session-error.ts';
import { memberName } from './shown-name.ts';
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
  attach(channel: ControlChannel, serverId: string): void;
  /** The channel is gone. `final`: no new one will come. */
  detach(final: boolean): void;
}

/** How long making a group anew may take before the old one is kept (ms). */
const RECREATE_LIMIT_MS = 5_000;

interface ActiveCall {
  readonly room: number;
  readonly slot: number;
  readonly store: ReturnType<typeof createDisposableStore>;
  group: RelayGroup | undefined;
  /** The epoch in force in `group`. */
  epoch: EpochInForce | undefined;
  members: readonly CallMember[];
  /** The reference of a group that is being made while `group` is in force. */
  successor: string | undefined;
}

/** Makes a controller without a call. */
export function createCallController(options: {
  readonly ports: SessionPorts;
  readonly directory: DirectoryStore;
  readonly volumes: VolumeStore;
  readonly names: PeopleNames;
  readonly openGroup: OpenGroup;
}): CallController {
  const { ports, directory, volumes, names, openGroup } = options;
  const { media, logger, clock } = ports;
  const store = createDisposableStore();
  const changed = store.add(createEmitter<CallState>());
  const notices = store.add(createEmitter<Notice>());
  const mutex = createMutex();
  let channel: ControlChannel | undefined;
  let channelStore = createDisposableStore();
  let serverId = '';
  let muted = false;
  let deafened = false;
  let wanted: { readonly room: number; readonly password: string | undefined } | undefined;
  let active: ActiveCall | undefined;
  /** The newest list the server sent for a call this client is only just joining. */
  const early: { event: Extract<ServerEvent, { readonly t: 'call.members' }> | undefined } = {
    event: undefined,
  };
  const earlyList = (room: number): typeof early.event =>
    early.event?.room === room ? early.event : undefined;
  /** Starting the call and changing its keys happen one after the other in the media worker. */
  const keys = createMutex();
  let phase: 'none' | 'joining' | 'joined' | 'recovering' = 'none';

  const memberInfo = (call: ActiveCall, epoch: EpochInForce): readonly CallMemberInfo[] => {
    const listed = new Map(call.members.map((member) => [member.session, toHex(member.identity)]));
    return epoch.roster.map((leaf): CallMemberInfo => {
      const identity = toHex(leaf.identity);
      return {
        session: leaf.session,
        identity,
        name: memberName(leaf),
        self: leaf.session === channel?.welcome.session,
        leaving: listed.get(leaf.session) !== identity,
        volume: volumes.gainOf(identity),
        external: leaf.external,
      };
    });
  };
  const state = (): CallState => {
    if (phase === 'none' || !wanted) return { state: 'none', muted, deafened };
    const call = active;
    const epoch = call?.epoch;
    const members = call && epoch ? memberInfo(call, epoch) : [];
    const roster = new Map(members.map((member) => [member.session, member.identity]));
    return {
      state: phase === 'joined' && !epoch ? 'joining' : phase,
      room: wanted.room,
      muted,
      deafened,
      epoch: epoch?.epoch ?? null,
      code: epoch ? callCode(epoch.epochAuthenticator) : '',
      suite: GROUP_SUITE,
      members,
      mismatch:
        call !== undefined &&
        epoch !== undefined &&
        (members.some((member) => member.leaving) ||
          call.members.some((member) => roster.get(member.session) !== toHex(member.identity))),
    };
  };
  const announce = (): void => changed.fire(state());
  const isNews = createNoticeLimiter(clock);
  const tell = (notice: Notice): void => {
    if (isNews(notice)) notices.fire(notice);
  };
  const meet = async (roster: EpochInForce['roster']): Promise<void> => {
    for (const notice of await names.meet(serverId, roster)) tell(notice);
  };

  const applyTransmission = async (): Promise<void> => {
    await media.setTransmission({ muted: muted || deafened, deafened });
    if (channel) await channel.request('presence.set', { muted: muted || deafened, deafened, away: false });
  };

  /** Gives the media worker the keys of the epoch in force, for everybody who has a slot. */
  const pushKeys = (call: ActiveCall): Promise<void> => keys.run(() => deriveAndSetKeys(call));
  const deriveAndSetKeys = async (call: ActiveCall): Promise<void> => {
    const { epoch } = call;
    if (!epoch || active !== call) return;
    const slots = new Map(call.members.map((member) => [member.session, member.slot]));
    const own = epoch.own.session;
    const ownKey = await epoch.exportFrameKey(epoch.own.identity, own, DATAGRAM_KIND.audio);
    const senders: { session: number; slot: number; key: Bytes }[] = [];
    for (const leaf of epoch.roster) {
      const slot = slots.get(leaf.session);
      if (leaf.session === own || slot === undefined) continue;
      const key = await epoch.exportFrameKey(leaf.identity, leaf.session, DATAGRAM_KIND.audio);
      senders.push({ session: leaf.session, slot, key });
    }
    // The group may have moved on while the keys were derived; the newer epoch pushes its own.
    if (call.epoch !== epoch || active !== call) return;
    await media.setEpoch({ epoch: epoch.epoch, ownKey, senders });
    for (const leaf of epoch.roster) {
      const gain = volumes.gainOf(toHex(leaf.identity));
      if (gain !== 1) await media.setVolume(leaf.session, gain);
    }
  };

  const report = (error: unknown): void => {
    const failure = toFailure(error);
    logger.log('warn', 'call.failed', { code: logCode(failure.code) });
    notices.fire({ severity: 'warning', ...failure });
  };

  const present = (call: ActiveCall): readonly { session: number; identity: Bytes; online: boolean }[] =>
    call.members.map(({ session, identity }) => ({ session, identity, online: true }));
  const open = (reference: string, room: number): RelayGroup =>
    openGroup({ reference, kind: 'call', room, serverId, session: channel?.welcome.session ?? 0 });
  /** Follows a group from now on; the one before is dropped. */
  const adopt = (call: ActiveCall, next: RelayGroup): void => {
    call.group?.dispose();
    call.group = next;
    call.epoch = next.group.current;
    call.store.clear();
    call.store.add(
      next.group.onDidChangeEpoch((epoch) => {
        call.epoch = epoch;
        pushKeys(call).catch(report);
        meet(epoch.roster).catch(report);
        announce();
      }),
    );
    call.store.add(
      next.group.onDidChangeRoster(({ added, external, roster }) => {
        if (external && added.length < roster.length) tell(externalJoinNotice(added, 'call'));
      }),
    );
    call.store.add(
      next.group.onDidChangePhase((groupPhase) => {
        if (groupPhase === 'active') return;
        call.epoch = undefined;
        announce();
      }),
    );
    call.store.add(next.group.onDidFail((code) => tell(groupNotice(code, 'call'))));
    next.group.setPresent(present(call));
  };
  const start = (call: ActiveCall, reference: string, epoch: number | null): void => {
    if (!channel) return;
    const next = open(reference, call.room);
    adopt(call, next);
    next.attach(channel, epoch);
  };

  /**
   * The last member of a call makes its group anew: nobody should hold a group's secrets that somebody who
   * has left helped to choose. The old group stays in force until the new one is accepted.
   */
  const recreateAlone = async (call: ActiveCall): Promise<void> => {
    const parsed = call.group && parseGroupReference(call.group.reference);
    const current = channel;
    if (!parsed || !current || call.successor !== undefined) return;
    const reference = formatGroupReference({ ...parsed, generation: parsed.generation + 1 });
    call.successor = reference;
    const next = open(reference, call.room);
    const decided = createDeferred<boolean>();
    const watching = createDisposableStore();
    watching.add(
      next.group.onDidChangePhase((groupPhase) => {
        if (groupPhase === 'active') decided.resolve(true);
        else if (groupPhase === 'removed') decided.resolve(false);
      }),
    );
    watching.add(clock.setTimer(RECREATE_LIMIT_MS, () => decided.resolve(false)));
    next.group.setPresent(present(call));
    next.attach(current, null);
    const accepted = await decided.promise;
    watching.dispose();
    call.successor = undefined;
    if (!accepted || active !== call || channel !== current) {
      logger.log('info', 'call.not_recreated');
      next.dispose();
      return;
    }
    await keys.run(async () => {
      adopt(call, next);
      // Epochs begin again, so the keyring must begin again too.
      await media.startCall(current.transport, call.slot);
    });
    await pushKeys(call);
    announce();
  };

  const handleMembers = (
    call: ActiveCall,
    event: Extract<ServerEvent, { readonly t: 'call.members' }>,
  ): void => {
    call.members = event.members;
    const reference = call.group?.reference;
    if (event.group !== reference && event.group !== call.successor) {
      // Somebody who was alone made the group anew before this client was in it.
      mutex
        .run(async () => {
          if (active !== call || call.group?.reference === event.group || !channel) return;
          const { transport } = channel;
          call.epoch = undefined;
          await keys.run(() => media.startCall(transport, call.slot));
          start(call, event.group, 0);
        })
        .catch(report);
    } else if (call.group) {
      const alone = event.members.length === 1 && event.members[0]?.session === channel?.welcome.session;
      if (alone && call.epoch && call.epoch.roster.length > 1) recreateAlone(call).catch(report);
      else call.group.group.setPresent(present(call));
      pushKeys(call).catch(report);
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
    const listed = earlyList(target.room);
    const call: ActiveCall = {
      room: target.room,
      slot: answer.slot,
      store: createDisposableStore(),
      group: undefined,
      epoch: undefined,
      members: listed?.members ?? answer.members,
      successor: undefined,
    };
    active = call;
    await media.startCall(current.transport, answer.slot);
    await applyTransmission();
    start(call, listed?.group ?? answer.group, answer.epoch);
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
      for (const leaf of active?.epoch?.roster ?? [])
        if (toHex(leaf.identity) === identity) await media.setVolume(leaf.session, gain);
      announce();
    },
    attach(next, server) {
      channel = next;
      serverId = server;
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
