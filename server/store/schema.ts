/**
 * The relay's database. Only what is needed to serve people who come back: who owns a name, which rooms
 * there are, who reads their messages, and ciphertext for people who are away. Never an address, never a
 * key that decrypts anything, never a time of presence.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT;
  CREATE TABLE identities (
    identity BLOB PRIMARY KEY,
    verified INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE names (
    name_key TEXT PRIMARY KEY,
    skeleton TEXT NOT NULL,
    identity BLOB NOT NULL REFERENCES identities (identity) ON DELETE CASCADE
  ) STRICT;
  CREATE INDEX names_by_skeleton ON names (skeleton);
  CREATE INDEX names_by_identity ON names (identity);
  CREATE TABLE roles (
    identity BLOB NOT NULL REFERENCES identities (identity) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('admin', 'moderator')),
    PRIMARY KEY (identity, role)
  ) STRICT;
  CREATE TABLE rooms (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    parent INTEGER REFERENCES rooms (id),
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    user_limit INTEGER NOT NULL,
    permanent INTEGER NOT NULL,
    owner BLOB,
    password_salt BLOB,
    password_hash BLOB
  ) STRICT;
  CREATE TABLE subscriptions (
    room INTEGER NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    identity BLOB NOT NULL REFERENCES identities (identity) ON DELETE CASCADE,
    PRIMARY KEY (room, identity)
  ) STRICT;
  CREATE TABLE text_groups (
    room INTEGER PRIMARY KEY REFERENCES rooms (id) ON DELETE CASCADE,
    generation INTEGER NOT NULL,
    epoch INTEGER,
    group_info BLOB,
    head INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE group_log (
    room INTEGER NOT NULL REFERENCES text_groups (room) ON DELETE CASCADE,
    cursor INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('commit', 'message')),
    epoch INTEGER NOT NULL,
    at INTEGER NOT NULL,
    session INTEGER,
    identity BLOB,
    message_id BLOB,
    payload BLOB NOT NULL,
    PRIMARY KEY (room, cursor)
  ) STRICT;
  CREATE UNIQUE INDEX group_log_by_message ON group_log (room, message_id) WHERE message_id IS NOT NULL;
  CREATE TABLE pending_welcomes (
    room INTEGER NOT NULL REFERENCES text_groups (room) ON DELETE CASCADE,
    identity BLOB NOT NULL,
    cursor INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    welcome BLOB NOT NULL,
    PRIMARY KEY (room, identity)
  ) STRICT;
  CREATE TABLE waiting_joins (
    room INTEGER NOT NULL REFERENCES text_groups (room) ON DELETE CASCADE,
    identity BLOB NOT NULL,
    session INTEGER NOT NULL,
    key_package BLOB NOT NULL,
    PRIMARY KEY (room, identity)
  ) STRICT;
  CREATE TABLE key_packages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    identity BLOB NOT NULL REFERENCES identities (identity) ON DELETE CASCADE,
    key_package BLOB NOT NULL
  ) STRICT;
  CREATE INDEX key_packages_by_identity ON key_packages (identity, id);
  `,
];

/** Why each column exists. A test compares this with the real database and fails on anything unexplained. */
export const COLUMN_REASONS: Readonly<Record<string, string>> = {
  'meta.key': 'name of a fact about this database',
  'meta.value': 'start counter for group generations, and that the first admin was made',
  'identities.identity': 'public key of a person who authenticated once',
  'identities.verified': 'badge given by an admin, asked for when calls need it',
  'names.name_key': 'a claimed name, folded, so that nobody else can take it',
  'names.skeleton': 'what the name looks like, so that nobody can imitate it',
  'names.identity': 'who owns the name',
  'roles.identity': 'who has the role',
  'roles.role': 'admin or moderator',
  'rooms.id': 'number of the room on the wire; never used twice',
  'rooms.parent': 'place in the tree',
  'rooms.name': 'shown to people',
  'rooms.description': 'shown to people',
  'rooms.user_limit': 'most people inside',
  'rooms.permanent': 'whether it survives standing empty',
  'rooms.owner': 'who made a temporary room and may change it',
  'rooms.password_salt': 'salt of the password hash',
  'rooms.password_hash': 'scrypt hash, to let people in who know the password',
  'subscriptions.room': 'whose messages',
  'subscriptions.identity': 'who reads them, online or not',
  'text_groups.room': 'whose group',
  'text_groups.generation': 'tells a group made anew from the one before',
  'text_groups.epoch': 'only commits and messages of the current epoch are accepted',
  'text_groups.group_info': 'public state for people who join without help',
  'text_groups.head': 'newest position in the log, also after old entries are gone',
  'group_log.room': 'whose log',
  'group_log.cursor': 'order of the entries',
  'group_log.kind': 'commit or message',
  'group_log.epoch': 'which keys the entry belongs to',
  'group_log.at': 'when it was accepted, shown beside messages',
  'group_log.session': 'session that made a commit',
  'group_log.identity': 'who sent a message',
  'group_log.message_id': 'recognises a message sent twice',
  'group_log.payload': 'ciphertext for people who were away',
  'pending_welcomes.room': 'which group it leads into',
  'pending_welcomes.identity': 'who was offline',
  'pending_welcomes.cursor': 'where in the log to go on',
  'pending_welcomes.epoch': 'the epoch it leads into',
  'pending_welcomes.welcome': 'ciphertext for the person',
  'waiting_joins.room': 'which group',
  'waiting_joins.identity': 'who waits to be added',
  'waiting_joins.session': 'session that asked',
  'waiting_joins.key_package': 'public keys to add the person with',
  'key_packages.id': 'order of use',
  'key_packages.identity': 'whose they are',
  'key_packages.key_package': 'public keys for adding a person who is away',
};
