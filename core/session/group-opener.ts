import type { Bytes } from '../base/bytes.ts';
import { createDisposableStore, type Disposable } from '../base/disposable.ts';
import type { Identity } from '../crypto/identity.ts';
import { createGroupSession, type GroupDelivery, type GroupSession } from '../mls/group-session.ts';
import { DEFAULT_MLS_SUITE } from '../mls/suite.ts';
import { mlsGroupId, parseGroupReference, type GroupKind } from '../protocol/group-reference.ts';
import { fromHex } from '../base/bytes.ts';
import type { ControlChannel, RequestFields } from './control-channel.ts';
import type { SessionPorts } from './ports.ts';
import { sessionError } from './session-error.ts';

/** A group session that talks to the relay through whichever channel is open. */
export interface RelayGroup extends Disposable {
  readonly group: GroupSession;
  readonly reference: string;
  /** The relay can be reached through this channel; `epoch` as it answered, null for no group yet. */
  attach(channel: ControlChannel, epoch: number | null): void;
  /** The channel is gone. */
  detach(): void;
}

/** Makes group sessions for references. @throws CodedError `protocol_error` for a reference of something else. */
export type OpenGroup = (options: {
  /** As the server named it. */
  readonly reference: string;
  /** What it must be a group of: a server could answer with the group of another room, where others listen. */
  readonly kind: GroupKind;
  readonly room: number;
  /** Hex server identity. */
  readonly serverId: string;
  /** This client's session in a call, 0 in a text group. */
  readonly session: number;
  readonly persist?: (state: Bytes) => Promise<void>;
  readonly restored?: Bytes;
}) => RelayGroup;

/** The suite of every new group. */
export const GROUP_SUITE = DEFAULT_MLS_SUITE;

/** Binds group sessions to this client's identity, clock and log. */
export function createGroupOpener(
  ports: SessionPorts,
  self: { readonly identity: Identity; readonly displayName: string },
): OpenGroup {
  return ({ reference, kind, room, serverId, session, persist, restored }) => {
    const parsed = parseGroupReference(reference);
    const server = fromHex(serverId);
    if (parsed?.kind !== kind || parsed.room !== room || !server)
      throw sessionError(
        'protocol_error',
        'The server named a group that does not belong to this room. Nothing was sent.',
      );
    const channelStore = createDisposableStore();
    let channel: ControlChannel | undefined;
    const open = (): ControlChannel => {
      if (!channel) throw sessionError('disconnected', 'There is no connection to the server.');
      return channel;
    };
    const delivery: GroupDelivery = {
      async requestJoin(keyPackage) {
        await open().request('group.requestJoin', { group: reference, keyPackage });
      },
      create: async (groupInfo) => open().request('group.create', { group: reference, groupInfo }),
      commit: async (bundle) =>
        open().request('group.commit', { group: reference, ...bundle } as RequestFields<'group.commit'>),
      info: async () => open().request('group.info', { group: reference }),
      log: async (since, limit) => open().request('group.log', { group: reference, since, limit }),
      send: async (message) => open().request('group.send', { group: reference, ...message }),
    };
    const group = createGroupSession({
      parameters: {
        groupId: mlsGroupId(server, reference),
        suite: GROUP_SUITE,
        kind: parsed.kind,
        wallTime: () => ports.clock.wallTime(),
        displayName: self.displayName,
      },
      identity: self.identity,
      session,
      delivery,
      clock: ports.clock,
      logger: ports.logger,
      ...(persist ? { persist } : {}),
      ...(restored ? { restored } : {}),
    });
    return {
      group,
      reference,
      attach(next, epoch) {
        channel = next;
        channelStore.clear();
        channelStore.add(
          next.onEvent((event) => {
            switch (event.t) {
              case 'group.joinRequested':
                if (event.group === reference) group.handleJoinRequested(event);
                return;
              case 'group.commit':
                if (event.group === reference) group.handleCommit(event);
                return;
              case 'group.welcome':
                if (event.group === reference) group.handleWelcome(event);
                return;
              case 'group.message':
                if (event.group === reference) group.handleMessage(event);
                return;
              default:
            }
          }),
        );
        group.connect({ epoch });
      },
      detach() {
        channel = undefined;
        channelStore.clear();
        group.disconnect();
      },
      dispose() {
        channel = undefined;
        channelStore.dispose();
        group.dispose();
      },
    };
  };
}
