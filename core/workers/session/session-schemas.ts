import type { RpcSchemas } from '../../base/rpc/rpc.ts';
import {
  boolean,
  integer,
  nullable,
  number,
  object,
  optional,
  string,
  type Schema,
} from '../../base/schema.ts';
import type { SessionMethods } from '../session-contract.ts';

const empty = object({}) as Schema<Readonly<Record<string, never>>>;
const room = integer({ min: 1 });
const password = string({ min: 1, max: 256 });
const passphrase = string({ min: 1, max: 1024 });
const host = string({ min: 1, max: 253 });
const port = integer({ min: 1, max: 65535 });
const hexKey = string({ min: 64, max: 64, pattern: /^[0-9a-f]{64}$/ });
const roomName = string({ min: 1, max: 64 });
const description = string({ max: 1024 });
const limit = integer({ max: 100_000 });

/** What the page may send; checked before anything runs. */
export const sessionSchemas: RpcSchemas<SessionMethods> = {
  'vault.status': empty,
  'vault.create': object({ displayName: string({ max: 256 }), passphrase: optional(passphrase) }),
  'vault.unlock': object({ passphrase: optional(passphrase) }),
  'identity.setDisplayName': object({ displayName: string({ max: 256 }) }),
  'server.list': empty,
  'server.connect': object({ host, port, password: optional(password), serverId: optional(hexKey) }),
  'server.disconnect': empty,
  'server.forget': object({ host, port }),
  'server.retry': empty,
  'room.create': object({
    parent: nullable(room),
    name: roomName,
    description: optional(description),
    limit: optional(limit),
    password: optional(password),
    permanent: optional(boolean),
  }),
  'room.edit': object({
    room,
    name: optional(roomName),
    description: optional(description),
    limit: optional(limit),
    password: optional(nullable(password)),
  }),
  'room.delete': object({ room }),
  'room.enter': object({ room, password: optional(password) }),
  'room.leave': empty,
  'call.join': object({ room, password: optional(password) }),
  'call.leave': empty,
  'call.setMuted': object({ muted: boolean }),
  'call.setDeafened': object({ deafened: boolean }),
  'person.setVolume': object({ identity: hexKey, gain: number({ min: 0, max: 2 }) }),
  'text.open': object({ room, password: optional(password) }),
  'text.history': object({ room, before: integer(), limit: integer({ min: 1, max: 500 }) }),
  'text.send': object({ room, text: string({ max: 64 * 1024 }) }),
  'text.leave': object({ room }),
};
