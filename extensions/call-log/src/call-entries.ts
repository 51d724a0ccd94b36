import type { Call } from '../../api/conclave.d.ts';

/** One line of the log. */
export interface CallEntry {
  readonly id: string;
  readonly name: string;
  readonly key: string;
  readonly what: 'joined' | 'left' | 'present';
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Who was in the group when it was last looked at, by public key. */
export type Present = ReadonlyMap<string, string>;

/** The members of the encrypted group without those who are leaving; nobody when there is no call. */
export function presentIn(call: Call): Present {
  if (call.state === 'none') return new Map();
  return new Map(call.members.filter(({ leaving }) => !leaving).map(({ key, name }) => [key, name]));
}

/**
 * What happened between two looks at the call. Those who were there when the user joined are `present`.
 * Leaving the call oneself is no line for everybody else.
 */
export function entriesBetween(
  before: Present,
  after: Present,
  at: number,
  firstId: number,
): readonly CallEntry[] {
  if (after.size === 0) return [];
  const entries: CallEntry[] = [];
  const add = (key: string, name: string, what: CallEntry['what']): void => {
    entries.push({ id: String(firstId + entries.length), name, key, what, at });
  };
  for (const [key, name] of after)
    if (!before.has(key)) add(key, name, before.size === 0 ? 'present' : 'joined');
  for (const [key, name] of before) if (!after.has(key)) add(key, name, 'left');
  return entries;
}
