/// <reference path="./node-sqlite.d.ts" />
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Bytes } from '../../core/base/bytes.ts';
import type { GroupLogEntry } from '../../core/protocol/control-message.ts';
import type {
  GroupState,
  GroupStorage,
  NameStore,
  RelayStore,
  Role,
  StoredRoom,
} from '../relay/relay-store.ts';
import { MIGRATIONS } from './schema.ts';

/** The relay's SQLite database, opened. */
export interface RelayDatabase extends RelayStore {
  readonly names: NameStore;
  /** Facts about the database itself. */
  meta(key: string): string | undefined;
  setMeta(key: string, value: string): void;
  /** Whether anybody was ever let in or made admin. */
  isEmpty(): boolean;
  addIdentity(identity: Bytes): void;
  addRole(identity: Bytes, role: Role): void;
  setVerified(identity: Bytes, verified: boolean): void;
  /** Runs `section` as one transaction. */
  transaction<T>(section: () => T): T;
  close(): void;
}

type Row = Readonly<Record<string, unknown>>;

/**
 * Opens the database, bringing it up to date. `synchronous = FULL` makes an accepted message survive a
 * power cut, not only the end of the process.
 * @throws Error for a file from a newer program.
 */
export function openRelayDatabase(path: string, textLogEntries: number): RelayDatabase {
  const database = new DatabaseSync(path);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;');
  database.exec('PRAGMA secure_delete = ON; PRAGMA busy_timeout = 2000;');
  const statements = new Map<string, StatementSync>();
  const prepare = (sql: string): StatementSync => {
    let statement = statements.get(sql);
    if (!statement) {
      statement = database.prepare(sql);
      statements.set(sql, statement);
    }
    return statement;
  };
  const run = (sql: string, ...values: readonly (string | number | bigint | Uint8Array | null)[]) =>
    prepare(sql).run(...values);
  const all = (sql: string, ...values: readonly (string | number | Uint8Array)[]) =>
    prepare(sql).all(...values) as readonly Row[];
  const first = (sql: string, ...values: readonly (string | number | Uint8Array)[]) =>
    prepare(sql).get(...values) as Row | undefined;

  let depth = 0;
  const transaction = <T>(section: () => T): T => {
    if (depth > 0) return section();
    database.exec('BEGIN IMMEDIATE');
    depth++;
    try {
      const result = section();
      database.exec('COMMIT');
      return result;
    } catch (error) {
      database.exec('ROLLBACK');
      throw error;
    } finally {
      depth--;
    }
  };

  migrate(database, transaction);

  const openGroup = (room: number): GroupStorage => {
    const row = first('SELECT epoch, group_info, head FROM text_groups WHERE room = ?', room);
    if (!row) throw new Error('no such text group');
    let state: GroupState = {
      epoch: row['epoch'] as number | null,
      groupInfo: nullableBytes(row['group_info']),
      head: row['head'] as number,
    };
    const setState = (next: GroupState): void => {
      run(
        'UPDATE text_groups SET epoch = ?, group_info = ?, head = ? WHERE room = ?',
        next.epoch,
        next.groupInfo,
        next.head,
        room,
      );
    };
    const append = (entry: GroupLogEntry): void => {
      run(
        `INSERT INTO group_log (room, cursor, kind, epoch, at, session, identity, message_id, payload)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        room,
        entry.cursor,
        entry.kind,
        entry.epoch,
        entry.at,
        entry.kind === 'commit' ? entry.session : null,
        entry.kind === 'message' ? entry.identity : null,
        entry.kind === 'message' ? entry.messageId : null,
        entry.kind === 'commit' ? entry.commit : entry.message,
      );
      run('DELETE FROM group_log WHERE room = ? AND cursor <= ?', room, entry.cursor - textLogEntries);
    };
    return {
      get state() {
        return state;
      },
      create(groupInfo) {
        const next = { epoch: 0, groupInfo, head: state.head };
        setState(next);
        state = next;
      },
      appendCommit(entry, groupInfo, welcomes) {
        const next = { epoch: entry.epoch + 1, groupInfo, head: entry.cursor };
        transaction(() => {
          append(entry);
          setState(next);
          for (const { identity, welcome } of welcomes) {
            run('DELETE FROM waiting_joins WHERE room = ? AND identity = ?', room, identity);
            run(
              `INSERT OR REPLACE INTO pending_welcomes (room, identity, cursor, epoch, welcome)
               VALUES (?, ?, ?, ?, ?)`,
              room,
              identity,
              entry.cursor,
              next.epoch,
              welcome,
            );
          }
        });
        state = next;
      },
      appendMessage(entry) {
        const next = { ...state, head: entry.cursor };
        transaction(() => {
          append(entry);
          run('UPDATE text_groups SET head = ? WHERE room = ?', next.head, room);
        });
        state = next;
      },
      findMessage(messageId) {
        const found = first(
          'SELECT cursor, at FROM group_log WHERE room = ? AND message_id = ?',
          room,
          messageId,
        );
        return found && { cursor: found['cursor'] as number, at: found['at'] as number };
      },
      read: (since, limit) =>
        all(
          'SELECT * FROM group_log WHERE room = ? AND cursor > ? ORDER BY cursor LIMIT ?',
          room,
          since,
          limit,
        ).map(readLogEntry),
      waiting: () =>
        all('SELECT * FROM waiting_joins WHERE room = ?', room).map((join) => ({
          session: join['session'] as number,
          identity: join['identity'] as Bytes,
          keyPackage: join['key_package'] as Bytes,
        })),
      addWaiting(join) {
        run(
          'INSERT OR REPLACE INTO waiting_joins (room, identity, session, key_package) VALUES (?, ?, ?, ?)',
          room,
          join.identity,
          join.session,
          join.keyPackage,
        );
      },
      removeWaiting(identities) {
        for (const identity of identities)
          run('DELETE FROM waiting_joins WHERE room = ? AND identity = ?', room, identity);
      },
      pendingWelcome(identity) {
        const found = first('SELECT * FROM pending_welcomes WHERE room = ? AND identity = ?', room, identity);
        return (
          found && {
            cursor: found['cursor'] as number,
            epoch: found['epoch'] as number,
            welcome: found['welcome'] as Bytes,
          }
        );
      },
      removePendingWelcome(identity) {
        run('DELETE FROM pending_welcomes WHERE room = ? AND identity = ?', room, identity);
      },
    };
  };

  return {
    transaction,
    close: () => database.close(),
    meta: (key) => first('SELECT value FROM meta WHERE key = ?', key)?.['value'] as string | undefined,
    setMeta: (key, value) => void run('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)', key, value),
    isEmpty: () => first('SELECT 1 FROM identities LIMIT 1') === undefined,
    addIdentity: (identity) => void run('INSERT OR IGNORE INTO identities (identity) VALUES (?)', identity),
    addRole: (identity, role) =>
      void run('INSERT OR IGNORE INTO roles (identity, role) VALUES (?, ?)', identity, role),
    setVerified: (identity, verified) =>
      void run('UPDATE identities SET verified = ? WHERE identity = ?', verified ? 1 : 0, identity),
    names: {
      owner: (nameKey) =>
        first('SELECT identity FROM names WHERE name_key = ?', nameKey)?.['identity'] as Bytes | undefined,
      ownersOfSkeleton: (skeleton) =>
        all('SELECT identity FROM names WHERE skeleton = ?', skeleton).map((row) => row['identity'] as Bytes),
      namesOf: (identity) =>
        first('SELECT count(*) AS n FROM names WHERE identity = ?', identity)?.['n'] as number,
      claim(nameKey, skeleton, identity) {
        transaction(() => {
          run('INSERT OR IGNORE INTO identities (identity) VALUES (?)', identity);
          run(
            'INSERT INTO names (name_key, skeleton, identity) VALUES (?, ?, ?)',
            nameKey,
            skeleton,
            identity,
          );
        });
      },
    },
    people: {
      describe(identity) {
        const row = first('SELECT verified FROM identities WHERE identity = ?', identity);
        const roles = all('SELECT role FROM roles WHERE identity = ? ORDER BY role', identity);
        return { roles: roles.map((role) => role['role'] as Role), verified: row?.['verified'] === 1 };
      },
    },
    rooms: {
      list: () => all('SELECT * FROM rooms ORDER BY id').map(readRoom),
      insert(room) {
        const result = run(
          `INSERT INTO rooms (parent, name, description, user_limit, permanent, owner, password_salt, password_hash)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
          ...roomValues(room),
        );
        return Number(result.lastInsertRowid);
      },
      update(room) {
        run(
          `UPDATE rooms SET parent = ?, name = ?, description = ?, user_limit = ?, permanent = ?, owner = ?,
           password_salt = ?, password_hash = ? WHERE id = ?`,
          ...roomValues(room),
          room.id,
        );
      },
      remove: (id) => void run('DELETE FROM rooms WHERE id = ?', id),
    },
    subscriptions: {
      list: () =>
        all('SELECT room, identity FROM subscriptions').map((row) => ({
          room: row['room'] as number,
          identity: row['identity'] as Bytes,
        })),
      add: (room, identity) =>
        void run('INSERT OR IGNORE INTO subscriptions (room, identity) VALUES (?, ?)', room, identity),
      remove(room, identity) {
        transaction(() => {
          for (const table of ['subscriptions', 'pending_welcomes', 'waiting_joins'])
            run(`DELETE FROM ${table} WHERE room = ? AND identity = ?`, room, identity);
        });
      },
    },
    textGroups: {
      list: () =>
        all('SELECT room, generation FROM text_groups').map((row) => ({
          room: row['room'] as number,
          generation: row['generation'] as number,
        })),
      open: openGroup,
      create(room, generation) {
        run('INSERT INTO text_groups (room, generation, head) VALUES (?, ?, 0)', room, generation);
        return openGroup(room);
      },
      remove: (room) => void run('DELETE FROM text_groups WHERE room = ?', room),
    },
    keyPackages: {
      publish: (identity, packages, max) =>
        transaction(() => {
          for (const keyPackage of packages)
            run('INSERT INTO key_packages (identity, key_package) VALUES (?, ?)', identity, keyPackage);
          run(
            `DELETE FROM key_packages WHERE identity = ? AND id NOT IN
             (SELECT id FROM key_packages WHERE identity = ? ORDER BY id DESC LIMIT ?)`,
            identity,
            identity,
            max,
          );
          return first('SELECT count(*) AS n FROM key_packages WHERE identity = ?', identity)?.[
            'n'
          ] as number;
        }),
      claim(identity) {
        const row = first(
          `DELETE FROM key_packages WHERE id =
           (SELECT id FROM key_packages WHERE identity = ? ORDER BY id LIMIT 1) RETURNING key_package`,
          identity,
        );
        return row?.['key_package'] as Bytes | undefined;
      },
    },
  };
}

function migrate(database: DatabaseSync, transaction: <T>(section: () => T) => T): void {
  const version = (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
  if (version > MIGRATIONS.length)
    throw new Error('The database was written by a newer version of the relay. Start that version instead.');
  for (let next = version; next < MIGRATIONS.length; next++) {
    transaction(() => {
      database.exec(MIGRATIONS[next] as string);
      database.exec(`PRAGMA user_version = ${next + 1}`);
    });
  }
}

function nullableBytes(value: unknown): Bytes | null {
  return value instanceof Uint8Array ? (value as Bytes) : null;
}

function roomValues(room: Omit<StoredRoom, 'id'>) {
  return [
    room.parent,
    room.name,
    room.description,
    room.limit,
    room.permanent ? 1 : 0,
    room.owner,
    room.password?.salt ?? null,
    room.password?.hash ?? null,
  ] as const;
}

function readRoom(row: Row): StoredRoom {
  const salt = nullableBytes(row['password_salt']);
  const hash = nullableBytes(row['password_hash']);
  return {
    id: row['id'] as number,
    parent: row['parent'] as number | null,
    name: row['name'] as string,
    description: row['description'] as string,
    limit: row['user_limit'] as number,
    permanent: row['permanent'] === 1,
    owner: nullableBytes(row['owner']),
    password: salt && hash ? { salt, hash } : null,
  };
}

function readLogEntry(row: Row): GroupLogEntry {
  const common = { cursor: row['cursor'] as number, epoch: row['epoch'] as number, at: row['at'] as number };
  return row['kind'] === 'commit'
    ? { kind: 'commit', ...common, session: row['session'] as number, commit: row['payload'] as Bytes }
    : {
        kind: 'message',
        ...common,
        identity: row['identity'] as Bytes,
        messageId: row['message_id'] as Bytes,
        message: row['payload'] as Bytes,
      };
}
