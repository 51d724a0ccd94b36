/**
 * Names people are seen by. A name belongs to the first key that claims it, so two names must not merely
 * look alike: they are compared folded (the same name) and as a skeleton (what the eye sees, after the idea
 * of Unicode TR39 with the letters that matter beside ASCII).
 */
const MAX_LENGTH = 32;
const RESERVED = ['admin', 'administrator', 'system', 'server', 'aura', 'conclave', 'root', 'moderator'];

/** Letters of other scripts that look like ASCII ones, in lower case. */
const LOOKALIKES: Readonly<Record<string, string>> = Object.fromEntries(
  (
    'а:a б:6 в:b г:r е:e ё:e ѕ:s і:i ї:i ј:j к:k м:m н:h о:o п:n р:p с:c т:t у:y х:x ь:b ҡ:k ԁ:d ԛ:q ԝ:w ү:y һ:h ӏ:l ' +
    'α:a β:b γ:y δ:d ε:e ζ:z η:n ι:i κ:k μ:u ν:v ο:o π:n ρ:p σ:o ς:s τ:t υ:u χ:x ω:w ϲ:c ϳ:j ' +
    'ı:i ȷ:j ɑ:a ɡ:g ɩ:i ʏ:y ʀ:r ᴀ:a ᴄ:c ᴅ:d ᴇ:e ᴊ:j ᴋ:k ᴍ:m ᴏ:o ᴘ:p ᴛ:t ᴜ:u ᴠ:v ᴡ:w ᴢ:z ø:o đ:d ł:l ħ:h ŧ:t ƅ:b æ:ae œ:oe ß:ss ' +
    'օ:o ս:u ո:n հ:h ց:g զ:q ա:w'
  )
    .split(' ')
    .map((pair) => [pair[0] as string, pair.slice(2)]),
);

/** A name that may be claimed, with its two comparison forms. */
export interface DisplayName {
  /** As shown. */
  readonly name: string;
  /** Equal for the same name in other case or composition. */
  readonly key: string;
  /** Equal for names that look alike. */
  readonly skeleton: string;
  readonly reserved: boolean;
}

/** Checks and normalises a name; `undefined` when it cannot be one. */
export function parseDisplayName(raw: string): DisplayName | undefined {
  const name = raw.normalize('NFKC').trim().replace(/\s+/gu, ' ');
  if (name.length < 1 || name.length > MAX_LENGTH) return undefined;
  // \p{C}: control, format (also bidirectional overrides), surrogate, private use, unassigned.
  if (/\p{C}/u.test(name) || !/[\p{L}\p{N}]/u.test(name)) return undefined;
  if (/\p{M}{3,}/u.test(name.normalize('NFD'))) return undefined;
  const skeleton = nameSkeleton(name);
  return { name, key: foldName(name), skeleton, reserved: RESERVED_SKELETONS.has(skeleton) };
}

/** Case and composition removed. */
export function foldName(name: string): string {
  return name.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC');
}

/** What a name looks like: folded, without marks and separators, look-alikes as one ASCII letter. */
export function nameSkeleton(name: string): string {
  const letters = foldName(name)
    .normalize('NFD')
    .replace(/[\p{M}\p{Z}\p{P}]/gu, (mark) => (mark === '|' || mark === '!' ? 'l' : ''));
  let out = '';
  for (const letter of letters) out += LOOKALIKES[letter] ?? letter;
  return out
    .replace(/[1i|]/g, 'l')
    .replace(/0/g, 'o')
    .replace(/5|\$/g, 's')
    .replace(/rn/g, 'm')
    .replace(/vv/g, 'w');
}

const RESERVED_SKELETONS: ReadonlySet<string> = new Set(RESERVED.map(nameSkeleton));
