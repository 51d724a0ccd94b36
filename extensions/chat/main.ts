import type { Conclave, ElementViewHost, ExtensionContext } from '../api/conclave.d.ts';
import { createRoomElement } from './src/room-element.ts';
import { strings } from './src/strings.ts';

const VIEW = 'chat.room';

/** Offers a tab of messages for every room and opens the one of the call that is joined. */
export function activate(context: ExtensionContext): void {
  const { api, subscriptions } = context;
  const drafts = new Map<number, string>();
  subscriptions.add(
    api.views.registerElementView(VIEW, {
      create(host: ElementViewHost) {
        return createRoomElement({ api, host, room: roomOfKey(host.input?.key), drafts });
      },
    }),
  );

  const open = async (room: number): Promise<void> => {
    const name = api.rooms.all.find(({ id }) => id === room)?.name ?? strings.unknownRoom;
    await api.views.openEditor(VIEW, { key: keyOfRoom(room), title: strings.tabTitle(name) });
  };
  subscriptions.add(
    api.commands.register('chat.open', async (argument) => {
      const room = typeof argument === 'number' ? argument : await pickRoom(api);
      if (room !== undefined) await open(room);
    }),
  );

  let joinedRoom: number | undefined;
  subscriptions.add(
    api.call.onDidChange((call) => {
      const room = call.state === 'joined' ? call.room : call.state === 'none' ? undefined : joinedRoom;
      if (room === joinedRoom) return;
      joinedRoom = room;
      if (room !== undefined && api.configuration.get<boolean>('chat.openOnJoin')) void open(room);
    }),
  );
}

async function pickRoom(api: Conclave): Promise<number | undefined> {
  const rooms = api.rooms.all;
  if (rooms.length === 0) {
    await api.window.showMessage('info', strings.noRooms);
    return undefined;
  }
  const picked = await api.window.showQuickPick(
    rooms.map(({ id, name, description }) => ({ label: name, detail: description, id })),
    { placeholder: strings.pickRoom },
  );
  return picked?.id;
}

/** A tab is kept with the layout, so its key must be read back from text that somebody may have edited. */
function roomOfKey(key: string | undefined): number {
  const match = /^room\/([0-9]{1,15})$/.exec(key ?? '');
  return match ? Number(match[1]) : -1;
}

function keyOfRoom(room: number): string {
  return `room/${room}`;
}
