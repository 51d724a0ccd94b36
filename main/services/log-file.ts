import { appendFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createMutex } from '../../core/base/async.ts';
import { isMissing } from './atomic-file.ts';

/** A log that never grows beyond its limit. */
export interface LogFile {
  /** Appends one line; failures are ignored, since a full disk must not stop a conversation. */
  write(line: string): void;
  /** Resolves when everything written so far is in the file. */
  flush(): Promise<void>;
}

/** Opens a log of at most `maxBytes` times `1 + keep`: the file itself and the `keep` before it. */
export async function openLogFile(
  path: string,
  limits: { readonly maxBytes: number; readonly keep: number } = { maxBytes: 1024 * 1024, keep: 2 },
): Promise<LogFile> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const mutex = createMutex();
  let size = await stat(path).then(
    (file) => file.size,
    () => 0,
  );
  let waiting: string[] = [];
  const rotate = async (): Promise<void> => {
    await rm(`${path}.${limits.keep}`, { force: true });
    for (let age = limits.keep - 1; age >= 0; age--) {
      const from = age === 0 ? path : `${path}.${age}`;
      await rename(from, `${path}.${age + 1}`).catch((error: unknown) => {
        if (!isMissing(error)) throw error;
      });
    }
    size = 0;
  };
  const drain = async (): Promise<void> => {
    if (waiting.length === 0) return;
    const text = waiting.join('');
    waiting = [];
    const bytes = Buffer.byteLength(text);
    try {
      if (size > 0 && size + bytes > limits.maxBytes) await rotate();
      await appendFile(path, text, { mode: 0o600 });
      size += bytes;
    } catch {
      // See write().
    }
  };
  return {
    write(line) {
      // One entry is one line: control characters could forge others.
      waiting.push(
        `${new Date().toISOString()} ${line.replace(/[\u0000-\u001f\u007f\u2028\u2029]/g, ' ')}\n`,
      );
      void mutex.run(drain);
    },
    flush: () => mutex.run(drain),
  };
}
