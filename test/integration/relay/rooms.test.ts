import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '../../../core/base/bytes.ts';
import { startRelay, type RelayProcess } from '../../support/relay-process.ts';
import {
  newKey,
  startWireAgent,
  targetOf,
  type WireAgent,
  type WireClient,
  type WireTarget,
} from './wire-client.ts';

describe('rooms and presence', () => {
  const adminKey = newKey();
  let relay: RelayProcess;
  let agent: WireAgent;
  let target: WireTarget;
  let admin: WireClient;
  let counter = 0;
  beforeAll(async () => {
    [relay, agent] = await Promise.all([
      startRelay({
        config:
          '[rooms]\nempty_room_timeout = 1\nmax_rooms = 12\nmax_room_name_length = 16\n[verification]\nmode = "required"\n[limits]\nroom_create_interval_secs = 0\npassword_burst = 2\n',
        env: { CONCLAVE_BOOTSTRAP_ADMIN_KEY: toHex(adminKey.identity) },
      }),
      startWireAgent(),
    ]);
    target = await targetOf(relay);
    admin = await agent.connect(target, { key: adminKey, name: 'Chief' });
  });
  afterAll(async () => {
    await agent?.stop();
    await relay?.stop();
  });
  const person = (): Promise<WireClient> => agent.connect(target, { name: `Guest ${++counter}` });
  const create = (client: WireClient, name: string, more: object = {}): Promise<{ room: number }> =>
    client.request({ t: 'room.create', parent: null, name, ...more });

  it('builds a tree, tells everybody, and refuses what does not fit', async () => {
    const guest = await person();
    const { room } = await create(admin, 'Music', { permanent: true, limit: 1, description: 'All of it' });
    expect((await guest.next('room.updated')).room).toEqual({
      id: room,
      parent: null,
      name: 'Music',
      description: 'All of it',
      limit: 1,
      gated: false,
      permanent: true,
    });
    const { room: child } = await create(admin, 'Jazz', { parent: room, permanent: true });
    expect((await guest.next('room.updated')).room.parent).toBe(room);
    expect((await guest.refused({ t: 'room.create', parent: null, name: 'MUSIC' })).code).toBe(
      'room_name_taken',
    );
    expect((await guest.refused({ t: 'room.create', parent: 9999, name: 'x' })).code).toBe('room_not_found');
    expect((await guest.refused({ t: 'room.create', parent: null, name: 'x'.repeat(17) })).code).toBe(
      'name_invalid',
    );
    expect((await guest.refused({ t: 'room.create', parent: null, name: 'a\u0007' })).code).toBe(
      'name_invalid',
    );
    expect((await guest.refused({ t: 'room.edit', room, name: 'Mine' })).code).toBe('not_allowed');
    expect((await guest.refused({ t: 'room.delete', room })).code).toBe('not_allowed');
    expect((await admin.refused({ t: 'room.delete', room })).code).toBe('room_not_empty');
    await guest.request({ t: 'room.enter', room });
    expect((await admin.refused({ t: 'room.enter', room })).code).toBe('room_full');
    await admin.request({ t: 'room.edit', room, name: 'Songs', limit: 2 });
    expect((await guest.next('room.updated')).room).toMatchObject({ name: 'Songs', limit: 2 });
    await admin.request({ t: 'room.enter', room });
    await admin.request({ t: 'room.delete', room: child });
    expect((await guest.next('room.removed')).room).toBe(child);
    await admin.request({ t: 'room.leave' });
    guest.close();
  });

  it('asks for the password of a gated room and slows down guessing', async () => {
    const guest = await person();
    const { room } = await create(admin, 'Vault', { password: 'pw', permanent: true });
    expect((await guest.refused({ t: 'room.enter', room })).code).toBe('room_password_required');
    expect((await guest.refused({ t: 'text.subscribe', room })).code).toBe('room_password_required');
    expect((await guest.refused({ t: 'room.enter', room, password: 'a' })).code).toBe('room_password_wrong');
    expect((await guest.refused({ t: 'room.enter', room, password: 'b' })).code).toBe('room_password_wrong');
    const limited = await guest.refused({ t: 'room.enter', room, password: 'pw' });
    expect(limited.code).toBe('rate_limited');
    expect(limited.retryAfterMs).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, limited.retryAfterMs));
    await guest.request({ t: 'room.enter', room, password: 'pw' });
    await guest.request({ t: 'text.subscribe', room });
    guest.close();
  });

  it('removes a temporary room after it stood empty, not before', async () => {
    const guest = await person();
    const { room } = await create(guest, 'Short-lived');
    await guest.request({ t: 'room.enter', room });
    const { room: second } = await create(guest, 'Never entered');
    expect((await guest.next('room.removed')).room).toBe(second);
    await guest.request({ t: 'ping' });
    expect(guest.pending('room.removed')).toEqual([]);
    await guest.request({ t: 'room.leave' });
    expect((await guest.next('room.removed')).room).toBe(room);
    guest.close();
  });

  it('lets the maker of a temporary room change and delete it', async () => {
    const guest = await person();
    const { room } = await create(guest, 'Own');
    await guest.request({ t: 'room.edit', room, description: 'mine', password: 'p' });
    await guest.request({ t: 'room.edit', room, password: null });
    expect((await guest.next('room.updated', (event) => event.room.description === 'mine')).room.gated).toBe(
      true,
    );
    expect((await guest.next('room.updated', (event) => event.room.description === 'mine')).room.gated).toBe(
      false,
    );
    await guest.request({ t: 'room.delete', room });
    guest.close();
  });

  it('stops at the number of rooms', async () => {
    const guest = await person();
    let code = '';
    for (let i = 0; i < 13 && code === ''; i++)
      code = await create(guest, `Room ${i}`).then(
        () => '',
        (error: Error) => error.message.split(':')[0] as string,
      );
    expect(code).toBe('room_limit_reached');
    guest.close();
  });

  it('shows presence to everybody', async () => {
    const [a, b] = [await person(), await person()];
    await a.request({ t: 'presence.set', muted: true, deafened: false, away: true });
    expect((await b.next('person.updated', ({ person: p }) => p.away)).person).toMatchObject({
      session: a.session,
      muted: true,
      deafened: false,
      room: null,
      inCall: false,
    });
    a.close();
    b.close();
  });

  it('lets only verified people into calls where that is required; text and presence work for all', async () => {
    const guest = await person();
    const lobby = guest.welcome.rooms[0]?.id as number;
    await guest.request({ t: 'room.enter', room: lobby });
    await guest.request({ t: 'text.subscribe', room: lobby });
    expect((await guest.refused({ t: 'call.join', room: lobby })).code).toBe('verification_required');
    await admin.request({ t: 'room.enter', room: lobby });
    await admin.request({ t: 'call.join', room: lobby });
    guest.close();
  });
});
