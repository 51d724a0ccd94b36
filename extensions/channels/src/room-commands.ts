import type { Conclave, ExtensionContext, NewRoom, Person, Room, RoomChanges } from '../../api/conclave.d.ts';
import type { RoomNode } from './room-tree.ts';
import { strings } from './strings.ts';

const MAX_NAME = 64;
const MAX_DESCRIPTION = 500;
const MAX_LIMIT = 1000;
const MAX_PASSWORD = 256;

/** Registers the commands about rooms. Each one asks for what it was not given. */
export function createRoomCommands(api: Conclave, subscriptions: ExtensionContext['subscriptions']): void {
  const register = (id: string, run: (argument: unknown) => Promise<unknown>): void => {
    subscriptions.add(api.commands.register(id, (argument) => run(argument)));
  };

  const roomFrom = async (argument: unknown): Promise<Room | undefined> => {
    const id = roomId(argument);
    if (id !== undefined) return api.rooms.all.find((room) => room.id === id);
    const rooms = api.rooms.all;
    if (rooms.length === 0) {
      await api.window.showMessage('info', strings.noRooms);
      return undefined;
    }
    const picked = await api.window.showQuickPick(
      rooms.map((room) => ({
        label: room.name,
        description: pathOf(rooms, room),
        detail: room.description,
        room,
      })),
      { placeholder: strings.pickRoom },
    );
    return picked?.room;
  };

  register('rooms.join', async (argument) => {
    const room = await roomFrom(argument);
    if (room)
      await withRoomPassword(api, room, (options) =>
        api.window.withProgress(strings.joining(room.name), () => api.call.join(room.id, options)),
      );
  });
  register('rooms.leave', async () => {
    if (api.call.state.state !== 'none') await api.call.leave();
    await api.rooms.leave();
  });
  register('rooms.openChat', async (argument) => {
    const room = await roomFrom(argument);
    if (room) await api.commands.execute('chat.open', room.id);
  });
  register('rooms.create', async (argument) => {
    const created = await askNewRoom(api, roomId(argument));
    if (created) await api.rooms.create(created);
  });
  register('rooms.edit', async (argument) => {
    const room = await roomFrom(argument);
    if (!room) return;
    const changes = await askChanges(api, room);
    if (changes) await api.rooms.edit(room.id, changes);
  });
  register('rooms.delete', async (argument) => {
    const room = await roomFrom(argument);
    if (!room) return;
    const answer = await api.window.showDialog({
      message: strings.deleteQuestion(room.name),
      detail: strings.deleteDetail,
      actions: [strings.deleteAction],
    });
    if (answer === strings.deleteAction) await api.rooms.delete(room.id);
  });
  register('rooms.copyFingerprint', async (argument) => {
    const person = personFrom(argument) ?? (await pickPerson(api));
    if (!person) return;
    await api.window.copyText(person.fingerprint);
    await api.window.showMessage('info', strings.fingerprintCopied(person.name));
  });
  register('rooms.retry', () => api.connection.retry());
  register('rooms.showConnection', async () => {
    const state = api.connection.state;
    if (state.state !== 'connected') return;
    const answer = await api.window.showDialog({
      message: state.serverName,
      detail: [
        state.address,
        state.transport === 'fallback' ? strings.fallbackLong : strings.quicLong,
        strings.roundTrip(state.rttMs),
        strings.loss(state.lossPercent),
        ...(state.roles.length > 0 ? [state.roles.join(', ')] : []),
      ].join('\n'),
      actions: [strings.disconnectAction],
    });
    if (answer === strings.disconnectAction) await api.connection.disconnect();
  });
}

/**
 * Runs an operation that may take the room's password: it is asked for when the room says so or the server
 * does, and again when it was wrong, until it is right or the person gives up.
 */
export async function withRoomPassword(
  api: Pick<Conclave, 'window'>,
  room: Room,
  run: (options: { readonly password?: string }) => Promise<void>,
): Promise<void> {
  let title: string | undefined;
  for (;;) {
    let options: { readonly password?: string } = {};
    if (title !== undefined) {
      const password = await api.window.showInputBox({ title, password: true });
      if (password === undefined) return;
      options = { password };
    }
    try {
      await run(options);
      return;
    } catch (error) {
      const code = (error as { readonly code?: unknown } | undefined)?.code;
      if (code === 'room_password_required') title = strings.roomPassword(room.name);
      else if (code === 'room_password_wrong') title = strings.roomPasswordAgain(room.name);
      else throw error;
    }
  }
}

async function askNewRoom(api: Conclave, parent: number | undefined): Promise<NewRoom | undefined> {
  const name = await api.window.showInputBox({
    title: strings.roomName,
    placeholder: strings.roomNamePlaceholder,
    validate: nameProblem,
  });
  if (name === undefined) return undefined;
  const place = parent === undefined ? await askParent(api) : { parent };
  if (!place) return undefined;
  const { state } = api.connection;
  // Nobody is asked for what the server would refuse.
  const kind =
    state.state === 'connected' && state.roles.includes('admin')
      ? await api.window.showQuickPick(
          [
            { label: strings.permanentLabel, detail: strings.permanentDetail, permanent: true },
            { label: strings.temporaryLabel, detail: strings.temporaryDetail, permanent: false },
          ],
          { placeholder: strings.kind },
        )
      : { permanent: false };
  if (!kind) return undefined;
  const password = await api.window.showInputBox({
    title: strings.roomPasswordNew,
    password: true,
    validate: passwordProblem,
  });
  if (password === undefined) return undefined;
  return {
    parent: place.parent,
    name: name.trim(),
    permanent: kind.permanent,
    ...(password === '' ? {} : { password }),
  };
}

async function askParent(api: Conclave): Promise<{ readonly parent: number | null } | undefined> {
  const rooms = api.rooms.all;
  if (rooms.length === 0) return { parent: null };
  return await api.window.showQuickPick(
    [
      { label: strings.topLevel, parent: null as number | null },
      ...rooms.map((room) => ({
        label: strings.insideOf(room.name),
        description: pathOf(rooms, room),
        parent: room.id,
      })),
    ],
    { placeholder: strings.where },
  );
}

async function askChanges(api: Conclave, room: Room): Promise<RoomChanges | undefined> {
  const field = await api.window.showQuickPick(
    [
      { label: strings.editName, description: room.name, field: 'name' as const },
      { label: strings.editDescription, description: room.description, field: 'description' as const },
      {
        label: strings.editLimit,
        description: room.limit === 0 ? strings.noLimit : String(room.limit),
        field: 'limit' as const,
      },
      {
        label: room.gated ? strings.editPassword : strings.setPassword,
        description: room.gated ? strings.hasPassword : strings.hasNoPassword,
        field: 'password' as const,
      },
      ...(room.gated ? [{ label: strings.removePassword, field: 'noPassword' as const }] : []),
    ],
    { placeholder: strings.editWhat(room.name) },
  );
  switch (field?.field) {
    case 'name': {
      const name = await api.window.showInputBox({
        title: strings.roomName,
        value: room.name,
        validate: nameProblem,
      });
      return name === undefined ? undefined : { name: name.trim() };
    }
    case 'description': {
      const description = await api.window.showInputBox({
        title: strings.roomDescription,
        value: room.description,
        validate: (value) => (value.length > MAX_DESCRIPTION ? strings.descriptionTooLong : undefined),
      });
      return description === undefined ? undefined : { description };
    }
    case 'limit': {
      const limit = await api.window.showInputBox({
        title: strings.limit,
        value: String(room.limit),
        validate: (value) =>
          /^[0-9]{1,4}$/.test(value) && Number(value) <= MAX_LIMIT ? undefined : strings.limitWrong,
      });
      return limit === undefined ? undefined : { limit: Number(limit) };
    }
    case 'password': {
      const password = await api.window.showInputBox({
        title: strings.newPassword(room.name),
        password: true,
        validate: (value) => (value === '' ? strings.passwordMissing : passwordProblem(value)),
      });
      return password === undefined ? undefined : { password };
    }
    case 'noPassword':
      return { password: null };
    default:
      return undefined;
  }
}

function nameProblem(value: string): string | undefined {
  if (value.trim() === '') return strings.nameMissing;
  return value.trim().length > MAX_NAME ? strings.nameTooLong : undefined;
}

function passwordProblem(value: string): string | undefined {
  return value.length > MAX_PASSWORD ? strings.passwordTooLong : undefined;
}

function pathOf(rooms: readonly Room[], room: Room): string {
  const names: string[] = [];
  for (let at = room; at.parent !== null && names.length <= rooms.length;) {
    const parent = rooms.find(({ id }) => id === at.parent);
    if (!parent) break;
    names.unshift(parent.name);
    at = parent;
  }
  return names.join(' / ');
}

/** A room's number from what a menu, a row or a program passes. */
function roomId(argument: unknown): number | undefined {
  if (typeof argument === 'number') return argument;
  const node = argument as Partial<RoomNode> | undefined;
  return node?.kind === 'room' && node.room ? node.room.id : undefined;
}

function personFrom(argument: unknown): Person | undefined {
  const node = argument as Partial<RoomNode> | undefined;
  return node?.kind === 'person' ? node.person : undefined;
}

async function pickPerson(api: Conclave): Promise<Person | undefined> {
  const picked = await api.window.showQuickPick(
    api.rooms.people.map((person) => ({ label: person.name, description: person.fingerprint, person })),
    { placeholder: strings.pickPerson },
  );
  return picked?.person;
}
