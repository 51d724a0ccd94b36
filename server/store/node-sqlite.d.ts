/** The part of `node:sqlite` (Node 22.5, Deno 2.2) used here; the type package is for Node 20, which lacks it. */
declare module 'node:sqlite' {
  type SqlValue = null | number | bigint | string | Uint8Array;
  interface StatementSync {
    run(...values: readonly SqlValue[]): {
      readonly changes: number | bigint;
      readonly lastInsertRowid: number | bigint;
    };
    get(...values: readonly SqlValue[]): unknown;
    all(...values: readonly SqlValue[]): unknown[];
  }
  class DatabaseSync {
    constructor(path: string);
    exec(sql: string): void;
    prepare(sql: string): StatementSync;
    close(): void;
  }
}
