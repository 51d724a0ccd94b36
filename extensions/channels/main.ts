import type { Conclave, ExtensionContext } from '../api/conclave.d.ts';
import { createRoomCommands } from './src/room-commands.ts';
import {
  childrenOf,
  comparePeople,
  connectionStatus,
  itemOf,
  personItem,
  type RoomNode,
  type RoomTreeInput,
} from './src/room-tree.ts';
import { strings } from './src/strings.ts';

/** Fills the rooms and people views, the commands about them and the connection's place in the status bar. */
export function activate(context: ExtensionContext): void {
  const { api, subscriptions } = context;
  const input = (): RoomTreeInput => ({
    rooms: api.rooms.all,
    people: api.rooms.people,
    speaking: api.call.speaking,
    transmitting: api.call.transmitting,
    isAdmin: api.connection.state.state === 'connected' && api.connection.state.roles.includes('admin'),
    callRoom: api.call.state.state === 'none' ? undefined : api.call.state.room,
  });

  /** Both trees change for the same reasons. */
  const onDidChange = (listener: (node: undefined) => void): { dispose(): void } => {
    const held = [
      api.rooms.onDidChange(() => listener(undefined)),
      api.call.onDidChange(() => listener(undefined)),
      api.call.onDidChangeSpeaking(() => listener(undefined)),
    ];
    return { dispose: () => held.forEach((one) => one.dispose()) };
  };
  subscriptions.add(
    api.views.registerTreeView<RoomNode>('channels.rooms', {
      onDidChange,
      getChildren: (node) => childrenOf(input(), node),
      getItem: (node) => itemOf(input(), node),
    }),
  );
  subscriptions.add(
    api.views.registerTreeView<RoomNode>('channels.people', {
      onDidChange,
      getChildren: (node) =>
        node
          ? []
          : [...api.rooms.people].sort(comparePeople).map((person): RoomNode => ({ kind: 'person', person })),
      getItem: (node) =>
        node.kind === 'person' ? personItem(input(), node.person, false) : itemOf(input(), node),
    }),
  );
  createRoomCommands(api, subscriptions);
  showConnection(api, subscriptions);
}

function showConnection(api: Conclave, subscriptions: ExtensionContext['subscriptions']): void {
  const item = subscriptions.add(
    api.window.createStatusBarItem({
      id: 'channels.connection',
      name: strings.connectionName,
      alignment: 'left',
      priority: 100,
    }),
  );
  let timer: ReturnType<typeof setInterval> | undefined;
  const update = (): void => {
    const state = api.connection.state;
    const status = connectionStatus(state, Date.now());
    item.text = status.text;
    item.tooltip = status.tooltip;
    item.command = status.command;
    item.kind = status.kind;
    // The countdown is the only thing that changes by itself.
    if (state.state === 'reconnecting') timer ??= setInterval(update, 500);
    else {
      clearInterval(timer);
      timer = undefined;
    }
  };
  subscriptions.add(api.connection.onDidChange(update));
  subscriptions.add({ dispose: () => clearInterval(timer) });
  update();
}
