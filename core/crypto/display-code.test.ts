import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fromHex, type Bytes } from '../base/bytes.ts';
import { callCode, displayCode } from './display-code.ts';

const vectors = JSON.parse(
  readFileSync(new URL('../../test/fixtures/display-codes.json', import.meta.url), 'utf8'),
) as {
  readonly displayableCode: readonly {
    readonly data: string;
    readonly length: number;
    readonly group: number;
    readonly code: string;
  }[];
  readonly displayableCodeErrors: readonly {
    readonly data?: string;
    readonly dataLen?: number;
    readonly length: number;
    readonly group: number;
  }[];
};

describe('display code', () => {
  it('gives the published codes', () => {
    for (const { data, length, group, code } of vectors.displayableCode)
      expect(displayCode(fromHex(data) as Bytes, length, group)).toBe(code);
  });

  it('refuses what the published examples refuse', () => {
    for (const { data, dataLen, length, group } of vectors.displayableCodeErrors)
      expect(() =>
        displayCode(
          data === undefined ? new Uint8Array(dataLen ?? 0) : (fromHex(data) as Bytes),
          length,
          group,
        ),
      ).toThrow(RangeError);
  });

  it('shows a call code in six groups of five', () => {
    expect(callCode(new Uint8Array(64).fill(0xab))).toMatch(/^(\d{5} ){5}\d{5}$/);
    expect(callCode(new Uint8Array(64).fill(0xab))).not.toBe(callCode(new Uint8Array(64).fill(0xac)));
  });
});
