import { createMutex } from '../base/async.ts';
import { createDisposableStore, type Disposable } from '../base/disposable.ts';
import { createEmitter, type Emitter, type Event } from '../base/event.ts';
import type { RpcHandlers } from '../base/rpc/rpc.ts';
import { createCallController } from './call-controller.ts';
import { createConnection } from './connection.ts';
import { createDirectoryStore } from './directory-store.ts';
import { createGroupOpener } from './group-opener.ts';
import { createPeopleNames } from './people-names.ts';
import type { SessionPorts } from './ports.ts';
import { createServerProfiles } from './server-profiles.ts';
import type { SessionEvents, SessionMethods } from './session-contract.ts';
import { sessionError } from './session-error.ts';
import { createTextController } from './text-controller.ts';
import { createVaultStore } from './vault-store.ts';
import { createVolumeStore } from './volume-store.ts';

/** The session: everything the workbench can ask of the core, and what the core tells. */
export interface Session extends Disposable {
  readonly handlers: RpcHandlers<SessionMethods>;
  /** The event of that name. */
  on<N extends keyof SessionEvents>(name: N): Event<SessionEvents[N]>;
}

/** Composes the session over its ports. */
export function createSession(ports: SessionPorts): Session {
  const store = createDisposableStore();
  const emitters = new Map<keyof SessionEvents, Emitter<never>>();
  const emitterOf = <N extends keyof SessionEvents>(name: N): Emitter<SessionEvents[N]> => {
    let emitter = emitters.get(name) as Emitter<SessionEvents[N]> | undefined;
    if (!emitter) {
      emitter = store.add(createEmitter<SessionEvents[N]>());
      emitters.set(name, emitter as Emitter<never>);
    }
    return emitter;
  };
  const tell = <N extends keyof SessionEvents>(name: N): ((payload: SessionEvents[N]) => void) => {
    const emitter = emitterOf(name);
    return (payload) => emitter.fire(payload);
  };

  const vault = store.add(createVaultStore(ports.records, ports.keychain));
  const profiles = createServerProfiles(vault);
  const volumes = createVolumeStore(vault);
  const names = createPeopleNames(vault);
  const directory = store.add(createDirectoryStore());
  const connection = store.add(createConnection(ports, vault, profiles));
  const openGroup = createGroupOpener(ports, vault);
  const call = store.add(createCallController({ ports, directory, volumes, names, openGroup }));
  const text = store.add(createTextController({ ports, vault, directory, names, openGroup }));
  const vaultMutex = createMutex();

  store.add(vault.onDidChange(tell('vault.changed')));
  store.add(connection.onDidChange(tell('connection.changed')));
  store.add(directory.onDidChange(tell('directory.changed')));
  store.add(call.onDidChange(tell('call.changed')));
  store.add(call.onNotice(tell('notice')));
  store.add(text.onDidChangeMessage(tell('text.changed')));
  store.add(text.onDidChangeGroup(tell('text.group')));
  store.add(text.onNotice(tell('notice')));

  const channelStore = store.add(createDisposableStore());
  store.add(
    connection.onOpen((channel) => {
      channelStore.clear();
      directory.reset(channel.welcome);
      channelStore.add(
        channel.onEvent((event) => {
          directory.apply(event);
          if (event.t === 'server.closing')
            emitterOf('notice').fire({
              severity: 'info',
              code: 'server_closing',
              message: event.restart
                ? 'The server restarts. Conclave reconnects by itself.'
                : 'The server is being stopped. Conclave keeps trying to reconnect.',
            });
        }),
      );
      const state = connection.state;
      if (state.state !== 'connected') return;
      text.attach(channel, state.serverId);
      call.attach(channel, state.serverId);
    }),
  );
  store.add(
    connection.onLost(({ final }) => {
      channelStore.clear();
      call.detach(final);
      text.detach();
      if (final) directory.clear();
    }),
  );

  const requireChannel = (): NonNullable<typeof connection.channel> => {
    if (!connection.channel)
      throw sessionError('disconnected', 'There is no connection to a server. Connect first.');
    return connection.channel;
  };
  const withPassword = (password: string | undefined): { readonly password?: string } =>
    password === undefined ? {} : { password };

  const handlers: RpcHandlers<SessionMethods> = {
    'vault.status': () => vault.status(),
    'vault.create': ({ displayName, passphrase }) =>
      vaultMutex.run(() => vault.create(displayName, passphrase)),
    'vault.unlock': ({ passphrase }) =>
      vaultMutex.run(async () => {
        const status = await vault.unlock(passphrase);
        await volumes.load();
        return status;
      }),
    async 'identity.setDisplayName'({ displayName }) {
      await vault.setDisplayName(displayName);
      return null;
    },
    'server.list': () => profiles.list(),
    async 'server.connect'(address) {
      await connection.connect(address);
      return null;
    },
    'server.disconnect'() {
      connection.disconnect();
      return null;
    },
    async 'server.forget'({ host, port }) {
      await profiles.forget(host, port);
      return null;
    },
    'server.retry'() {
      connection.retry();
      return null;
    },
    async 'room.create'(room) {
      return requireChannel().request('room.create', room);
    },
    async 'room.edit'(changes) {
      await requireChannel().request('room.edit', changes);
      return null;
    },
    async 'room.delete'({ room }) {
      await requireChannel().request('room.delete', { room });
      return null;
    },
    async 'room.enter'({ room, password }) {
      await requireChannel().request('room.enter', { room, ...withPassword(password) });
      return null;
    },
    async 'room.leave'() {
      await call.leave();
      await requireChannel().request('room.leave', {});
      return null;
    },
    async 'call.join'({ room, password }) {
      await call.join(room, password);
      return null;
    },
    async 'call.leave'() {
      await call.leave();
      return null;
    },
    async 'call.setMuted'({ muted }) {
      await call.setMuted(muted);
      return null;
    },
    async 'call.setDeafened'({ deafened }) {
      await call.setDeafened(deafened);
      return null;
    },
    async 'person.setVolume'({ identity, gain }) {
      await call.setVolume(identity, gain);
      return null;
    },
    'text.open': ({ room, password }) => text.open(room, password),
    'text.history': ({ room, before, limit }) =>
      text.history(room, before, Math.min(500, Math.max(1, limit))),
    'text.send': ({ room, text: message }) => text.send(room, message),
    async 'text.leave'({ room }) {
      await text.leave(room);
      return null;
    },
  };

  return {
    handlers,
    on: (name) => emitterOf(name).event,
    dispose: () => store.dispose(),
  };
}
