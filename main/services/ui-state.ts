import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createMutex } from '../../core/base/async.ts';
import { parse, record, string } from '../../core/base/schema.ts';
import { writeFileAtomically } from './atomic-file.ts';

/** Layout, recently used commands and the like: JSON text by key. Losing it loses comfort, nothing else. */
export interface UiState {
  get(key: string): Promise<string | null>;
  set(key: string, value: string): Promise<void>;
}

const schema = record(string({ max: 1024 * 1024 }), { max: 256 });

/** Keeps the state in one JSON file. A file that cannot be read counts as empty. */
export async function openUiStateFile(path: string): Promise<UiState> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const mutex = createMutex();
  const state = new Map(Object.entries(await readState(path)));
  return {
    get: async (key) => state.get(key) ?? null,
    async set(key, value) {
      if (state.get(key) === value) return;
      state.set(key, value);
      await mutex.run(() =>
        writeFileAtomically(path, JSON.stringify(Object.fromEntries(state), undefined, 1)),
      );
    },
  };
}

async function readState(path: string): Promise<Readonly<Record<string, string>>> {
  try {
    const parsed = parse(schema, JSON.parse(await readFile(path, 'utf8')));
    return parsed.ok ? parsed.value : {};
  } catch {
    return {};
  }
}
