import process from 'node:process';
import { DatabaseSync } from 'node:sqlite';
import { openRelayDatabase } from '../../server/store/relay-database.ts';

/**
 * Opens the relay's database twice at the given path, as two starts would, and prints its columns as JSON;
 * then shows that one from the future is refused.
 */
const path = process.argv.at(-1) as string;
openRelayDatabase(path, 100).close();
openRelayDatabase(path, 100).close();
const database = new DatabaseSync(path);
const tables = database
  .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
  .all() as {
  name: string;
}[];
const columns = tables.flatMap(({ name }) =>
  (database.prepare(`PRAGMA table_info(${name})`).all() as { name: string }[]).map(
    (column) => `${name}.${column.name}`,
  ),
);
const journal = database.prepare('PRAGMA journal_mode').get() as { journal_mode: string };
database.exec('PRAGMA user_version = 9999');
database.close();
let refusal = '';
try {
  openRelayDatabase(path, 100).close();
} catch (error) {
  refusal = (error as Error).message;
}
process.stdout.write(JSON.stringify({ columns, journal: journal.journal_mode, refusal }));
