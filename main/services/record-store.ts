import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createMutex } from '../../core/base/async.ts';
import { concatBytes, equalBytes, utf8, type Bytes } from '../../core/base/bytes.ts';
import { CodedError } from '../../core/base/coded-error.ts';
import type { RecordChange } from '../../core/base/rpc/host-contract.ts';
import { TEMPORARY_SUFFIX, isMissing, syncFolder, writeFileAtomically } from './atomic-file.ts';

/** Encrypted records of the session worker, one file each. */
export interface RecordStore {
  /** @throws CodedError `record_damaged` when the file no longer holds what was written. */
  get(key: string): Promise<Bytes | null>;
  /** Applies the changes in order; each one is atomic and durable when this resolves. */
  write(changes: readonly RecordChange[]): Promise<void>;
  list(prefix: string): Promise<readonly string[]>;
}

const MAGIC = utf8('CCR1');
const CHECKSUM_BYTES = 16;
const SUFFIX = '.record';
const DAMAGED_SUFFIX = '.damaged';

/**
 * Opens the store in `folder`, which is made when it is missing. Every file starts with a checksum: the
 * contents are authenticated ciphertext, but only the worker has the key, and a disk error must not look
 * like a record that was never written. A damaged file is set aside, never deleted, and reported until the
 * record is written anew.
 */
export async function openRecordStore(folder: string): Promise<RecordStore> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const name of await readdir(folder))
    if (name.endsWith(TEMPORARY_SUFFIX)) await rm(join(folder, name), { force: true });
  // Reads wait for writes in progress, so that a read after a write sees it.
  const mutex = createMutex();
  const pathOf = (key: string): string => join(folder, fileName(key));

  const readRecord = async (key: string): Promise<Bytes | null> => {
    let file: Uint8Array;
    try {
      file = await readFile(pathOf(key));
    } catch (error) {
      if (!isMissing(error)) throw error;
      if (await exists(pathOf(key) + DAMAGED_SUFFIX)) throw damaged();
      return null;
    }
    const start = MAGIC.length + CHECKSUM_BYTES;
    const payload = new Uint8Array(file.subarray(start));
    if (
      file.length < start ||
      !equalBytes(file.subarray(0, MAGIC.length), MAGIC) ||
      !equalBytes(file.subarray(MAGIC.length, start), checksum(payload))
    ) {
      await rename(pathOf(key), pathOf(key) + DAMAGED_SUFFIX);
      throw damaged();
    }
    return payload;
  };

  const apply = async (change: RecordChange): Promise<void> => {
    const path = pathOf(change.key);
    if (await exists(path + DAMAGED_SUFFIX)) await rename(path + DAMAGED_SUFFIX, `${path}.${Date.now()}.old`);
    if (change.value === null) {
      await rm(path, { force: true });
      await syncFolder(folder);
    } else await writeFileAtomically(path, concatBytes(MAGIC, checksum(change.value), change.value));
  };

  return {
    get: (key) => mutex.run(() => readRecord(key)),
    write: (changes) =>
      mutex.run(async () => {
        for (const change of changes) await apply(change);
      }),
    list: (prefix) =>
      mutex.run(async () => {
        const keys: string[] = [];
        for (const name of await readdir(folder)) {
          const key = keyOf(name);
          if (key?.startsWith(prefix)) keys.push(key);
        }
        return keys.sort();
      }),
  };
}

/**
 * The file name of a key. Keys are lower case, digits, dot, dash, underscore and slash (host-contract), so
 * the name is the same on file systems that ignore case; the slash becomes `~`, which no key contains, and
 * the prefix keeps clear of Windows' device names and of hidden files.
 */
function fileName(key: string): string {
  if (!/^[a-z0-9][a-z0-9._/-]{0,127}$/.test(key))
    throw new CodedError('invalid_argument', 'This is not the name of a record');
  return `r-${key.replaceAll('/', '~')}${SUFFIX}`;
}

function keyOf(name: string): string | undefined {
  return name.startsWith('r-') && name.endsWith(SUFFIX)
    ? name.slice(2, -SUFFIX.length).replaceAll('~', '/')
    : undefined;
}

function checksum(payload: Uint8Array): Bytes {
  return new Uint8Array(createHash('sha256').update(payload).digest()).slice(0, CHECKSUM_BYTES);
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function damaged(): CodedError {
  return new CodedError(
    'record_damaged',
    'A stored record is damaged. The file was set aside in the profile folder; restore it from a backup or start that part anew.',
  );
}
