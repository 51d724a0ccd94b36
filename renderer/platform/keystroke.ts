import { failure, success, type Result } from '../../core/base/result.ts';

/** Operating systems that differ in keys and their names. */
export type Platform = 'linux' | 'darwin' | 'win32';

/** One key with its modifiers, in normal form: `ctrl+shift+p`. */
export type Keystroke = string;

/** The part of a KeyboardEvent that decides which keystroke it is. */
export interface KeyEventLike {
  readonly key: string;
  readonly code: string;
  readonly ctrlKey: boolean;
  readonly shiftKey: boolean;
  readonly altKey: boolean;
  readonly metaKey: boolean;
}

const MODIFIERS = ['ctrl', 'shift', 'alt', 'meta'] as const;

const CODE_NAMES: Readonly<Record<string, string>> = {
  Comma: ',',
  Period: '.',
  Slash: '/',
  Backslash: '\\',
  BracketLeft: '[',
  BracketRight: ']',
  Semicolon: ';',
  Quote: "'",
  Backquote: '`',
  Minus: '-',
  Equal: '=',
  Space: 'space',
  Enter: 'enter',
  NumpadEnter: 'enter',
  Tab: 'tab',
  Escape: 'escape',
  Backspace: 'backspace',
  Delete: 'delete',
  Insert: 'insert',
  Home: 'home',
  End: 'end',
  PageUp: 'pageup',
  PageDown: 'pagedown',
  ArrowUp: 'up',
  ArrowDown: 'down',
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ContextMenu: 'contextmenu',
  Pause: 'pausebreak',
  CapsLock: 'capslock',
  ScrollLock: 'scrolllock',
  NumLock: 'numlock',
  ControlLeft: 'controlleft',
  ControlRight: 'controlright',
  ShiftLeft: 'shiftleft',
  ShiftRight: 'shiftright',
  AltLeft: 'altleft',
  AltRight: 'altright',
  MetaLeft: 'metaleft',
  MetaRight: 'metaright',
};

const NAMED_KEYS = new Set([
  ...Object.values(CODE_NAMES),
  ...'abcdefghijklmnopqrstuvwxyz0123456789',
  ...Array.from({ length: 24 }, (_, index) => `f${index + 1}`),
  ...Array.from({ length: 10 }, (_, index) => `numpad${index}`),
  'numpad_add',
  'numpad_subtract',
  'numpad_multiply',
  'numpad_divide',
  'numpad_decimal',
]);

const ALIASES: Readonly<Record<string, string>> = {
  cmd: 'meta',
  command: 'meta',
  win: 'meta',
  super: 'meta',
  control: 'ctrl',
  option: 'alt',
  esc: 'escape',
  return: 'enter',
  del: 'delete',
  ins: 'insert',
  pgup: 'pageup',
  pgdn: 'pagedown',
};

/**
 * The keystroke of an event. Latin letters go by what the key writes, so that Ctrl+A is the key labelled A
 * on every Latin layout; everything else goes by the physical key, so that shortcuts also work on Cyrillic
 * or Greek layouts and shifted digits are still digits.
 * @returns undefined for keys without a name, for example the media keys.
 */
export function keystrokeOf(event: KeyEventLike): Keystroke | undefined {
  const key = keyNameOf(event);
  if (key === undefined) return undefined;
  // A modifier pressed alone is a key of its own (push-to-talk on right Ctrl), without itself as modifier.
  if (/^(?:control|shift|alt|meta)(?:left|right)$/.test(key)) return key;
  return joinKeystroke(
    { ctrl: event.ctrlKey, shift: event.shiftKey, alt: event.altKey, meta: event.metaKey },
    key,
  );
}

/** The key without its modifiers; what ends a hold binding however the modifiers are by then. */
export function keyNameOf(event: Pick<KeyEventLike, 'key' | 'code'>): string | undefined {
  const written = event.key.length === 1 ? event.key.toLowerCase() : '';
  if (/^[a-z]$/.test(written) && !/^(?:Digit|Numpad)/.test(event.code)) return written;
  if (/^Key[A-Z]$/.test(event.code)) return event.code.slice(3).toLowerCase();
  if (/^Digit[0-9]$/.test(event.code)) return event.code.slice(5);
  if (/^Numpad[0-9]$/.test(event.code)) return event.code.toLowerCase();
  const numpad = /^Numpad(Add|Subtract|Multiply|Divide|Decimal)$/.exec(event.code);
  if (numpad) return `numpad_${(numpad[1] ?? '').toLowerCase()}`;
  if (/^F[0-9]{1,2}$/.test(event.code)) return event.code.toLowerCase();
  const named = CODE_NAMES[event.code];
  if (named !== undefined) return named;
  // Some virtual keyboards and assistive tools send a key without a code.
  if (event.code === '') {
    if (/^F[0-9]{1,2}$/.test(event.key)) return event.key.toLowerCase();
    return CODE_NAMES[event.key] ?? (NAMED_KEYS.has(written) ? written : undefined);
  }
  return undefined;
}

function joinKeystroke(
  modifiers: Readonly<Record<(typeof MODIFIERS)[number], boolean>>,
  key: string,
): Keystroke {
  return [...MODIFIERS.filter((modifier) => modifiers[modifier]), key].join('+');
}

/**
 * Parses `ctrl+k ctrl+s` into one or two keystrokes in normal form. `mod` is Cmd on macOS and Ctrl
 * elsewhere; VS Code's names and their usual short forms are accepted.
 */
export function parseChord(text: string, platform: Platform): Result<readonly Keystroke[], string> {
  const parts = text.trim().toLowerCase().split(/\s+/).filter(Boolean);
  if (parts.length === 0) return failure('no key is given');
  if (parts.length > 2) return failure('more than two keystrokes');
  const strokes: Keystroke[] = [];
  for (const part of parts) {
    const pieces = part === '+' ? ['+'] : part.split('+');
    // "ctrl++" is Ctrl and the key "+", which is "=" on the layouts that have it there.
    if (part.endsWith('++')) pieces.splice(-2, 2, '=');
    const modifiers = { ctrl: false, shift: false, alt: false, meta: false };
    const keys: string[] = [];
    for (const piece of pieces) {
      const name = piece === 'mod' ? (platform === 'darwin' ? 'meta' : 'ctrl') : (ALIASES[piece] ?? piece);
      if (name === 'ctrl' || name === 'shift' || name === 'alt' || name === 'meta') modifiers[name] = true;
      else keys.push(name);
    }
    const key = keys[0];
    if (key === undefined) return failure(`"${part}" has only modifiers`);
    if (keys.length > 1) return failure(`"${part}" has more than one key`);
    if (!NAMED_KEYS.has(key)) return failure(`"${key}" is not a key name`);
    strokes.push(joinKeystroke(modifiers, key));
  }
  return success(strokes);
}

const LABELS: Readonly<Record<string, string>> = {
  space: 'Space',
  enter: 'Enter',
  tab: 'Tab',
  escape: 'Escape',
  backspace: 'Backspace',
  delete: 'Delete',
  insert: 'Insert',
  home: 'Home',
  end: 'End',
  pageup: 'Page Up',
  pagedown: 'Page Down',
  up: '↑',
  down: '↓',
  left: '←',
  right: '→',
  contextmenu: 'Menu',
  controlleft: 'Left Ctrl',
  controlright: 'Right Ctrl',
  shiftleft: 'Left Shift',
  shiftright: 'Right Shift',
  altleft: 'Left Alt',
  altright: 'Right Alt',
  metaleft: 'Left Meta',
  metaright: 'Right Meta',
};

/** A chord as people read it: `Ctrl+Shift+P`, on macOS `⇧⌘P`. */
export function labelOfChord(strokes: readonly Keystroke[], platform: Platform): string {
  return strokes.map((stroke) => labelOfKeystroke(stroke, platform)).join(' ');
}

function labelOfKeystroke(stroke: Keystroke, platform: Platform): string {
  const pieces = stroke.split('+');
  const key = pieces.at(-1) ?? '';
  const modifiers = new Set(pieces.slice(0, -1));
  const keyLabel =
    LABELS[key] ?? (/^numpad/.test(key) ? key.replace(/^numpad_?/, 'Num ') : key.toUpperCase());
  if (platform === 'darwin') {
    const symbols = { ctrl: '⌃', alt: '⌥', shift: '⇧', meta: '⌘' } as const;
    const prefix = (['ctrl', 'alt', 'shift', 'meta'] as const)
      .filter((modifier) => modifiers.has(modifier))
      .map((modifier) => symbols[modifier])
      .join('');
    return prefix + keyLabel;
  }
  const names = {
    ctrl: 'Ctrl',
    shift: 'Shift',
    alt: 'Alt',
    meta: platform === 'win32' ? 'Win' : 'Super',
  } as const;
  return [
    ...MODIFIERS.filter((modifier) => modifiers.has(modifier)).map((modifier) => names[modifier]),
    keyLabel,
  ].join('+');
}
