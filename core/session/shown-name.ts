import { toHex } from '../base/bytes.ts';

/**
 * Text of somebody else, fit for one line: control, format (also bidirectional overrides), private and
 * unassigned characters become visible, and line breaks cannot imitate other parts of the window.
 */
export function shownText(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '\uFFFD');
}

/**
 * The name a member signed, or the start of the identity key when there is none that can be seen.
 * @param identity hex
 */
export function shownName(name: string, identity: string): string {
  const shown = shownText(name).trim();
  return shown === '' ? `${identity.slice(0, 8)}…` : shown;
}

/** The name of a member of a group, by its credential and never by what the relay says. */
export function memberName(member: { readonly identity: Uint8Array; readonly name: string }): string {
  return shownName(member.name, toHex(member.identity));
}

/** Equal for names that differ only in case, width or spacing. */
export function foldedName(name: string): string {
  return shownText(name)
    .normalize('NFKC')
    .toUpperCase()
    .toLowerCase()
    .normalize('NFKC')
    .replace(/\s+/gu, ' ')
    .trim();
}
