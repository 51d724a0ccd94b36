import type { RpcSchemas } from '../../../core/base/rpc/rpc.ts';
import {
  array,
  boolean,
  integer,
  nullable,
  number,
  object,
  oneOf,
  optional,
  string,
  type Infer,
  type Schema,
} from '../../../core/base/schema.ts';
import type {
  Call,
  CallStats,
  Connection,
  Identity,
  Message,
  Person,
  Room,
  TextGroup,
} from '../../../extensions/api/conclave.d.ts';
import type { Permission } from '../../../extensions/api/manifest.ts';

/**
 * What a sandboxed extension and the workbench say to each other. Everything is JSON: messages are checked by
 * their length before they are parsed, and nothing but plain data can arrive.
 */

/** Characters of one message; longer ones are not parsed. */
export const MAX_MESSAGE_CHARACTERS = 1024 * 1024;
/** Rows of one tree view. */
export const MAX_TREE_NODES = 2000;
/** Longest label or description of a row; the runtime shortens what is longer. */
export const MAX_ROW_TEXT = 500;

const MAX_JSON_DEPTH = 16;
const FORBIDDEN_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** Plain data. Names that reach an object's prototype when they are copied carelessly are refused. */
const json: Schema<unknown> = {
  check(value, path) {
    const visit = (part: unknown, depth: number): void => {
      if (typeof part !== 'object' || part === null) return;
      if (depth > MAX_JSON_DEPTH) nothingFits.check(value, path);
      for (const [name, entry] of Object.entries(part)) {
        if (FORBIDDEN_NAMES.has(name)) nothingFits.check(name, path);
        visit(entry, depth + 1);
      }
    };
    visit(value, 0);
    return value;
  },
};
const nothingFits = oneOf(['plain data of at most 16 levels without the names of prototypes']);

const empty = object({});
const id = string({ min: 1, max: 100 });
const handle = integer();
const shown = string({ max: 10_000 });
const rowText = string({ max: MAX_ROW_TEXT });
const args = array(json, { max: 8 });
const room = integer();
const password = optional(string({ max: 256 }));
const icon = string({ min: 1, max: 64, pattern: /^[a-z][a-z0-9~-]*$/ });

const treeItem = object({
  id: string({ min: 1, max: 200 }),
  label: rowText,
  description: optional(rowText),
  tooltip: optional(string({ max: 2000 })),
  icon: optional(icon),
  decorations: optional(
    array(object({ icon, label: rowText, emphasis: optional(oneOf(['active', 'warning'])) }), { max: 8 }),
  ),
  collapsible: optional(oneOf(['collapsed', 'expanded'])),
  contextValue: optional(string({ max: 100 })),
  command: optional(object({ id, args: optional(args) })),
});
/** Rows parents first; `parent` is the place of the parent in the list, -1 for the roots. */
const treeRows = array(object({ parent: integer({ min: -1, max: MAX_TREE_NODES }), item: treeItem }), {
  max: MAX_TREE_NODES,
});
const pickItem = object({ label: rowText, description: optional(rowText), detail: optional(rowText) });
const scalar: Schema<string | number | boolean | null> = {
  check(value, path) {
    if (value === null || typeof value === 'boolean') return value;
    return typeof value === 'number' ? number().check(value, path) : string({ max: 1000 }).check(value, path);
  },
};

/** Rows of a tree as they travel. */
export type TreeRows = Infer<typeof treeRows>;

/** What an extension may ask of the workbench: the check of the argument and the permission it takes. */
const METHODS = {
  'extension.reportError': ['public', object({ message: shown })],
  'commands.register': ['public', object({ id })],
  'commands.unregister': ['public', object({ id })],
  'commands.execute': ['public', object({ id, args })],
  'context.set': ['public', object({ key: id, value: scalar })],
  'views.registerTree': ['public', object({ viewId: id, rows: treeRows })],
  'views.updateTree': ['public', object({ viewId: id, rows: treeRows })],
  'views.unregisterTree': ['public', object({ viewId: id })],
  'views.focus': ['public', object({ viewId: id })],
  'views.setBadge': ['public', object({ viewId: id, count: integer(), tooltip: rowText })],
  'window.createStatusBarItem': [
    'public',
    object({
      handle,
      id,
      name: rowText,
      alignment: oneOf(['left', 'right']),
      priority: number({ min: -1e6, max: 1e6 }),
    }),
  ],
  'window.updateStatusBarItem': [
    'public',
    object({
      handle,
      text: rowText,
      tooltip: rowText,
      command: nullable(id),
      kind: oneOf(['normal', 'warning', 'error', 'prominent']),
      visible: boolean,
    }),
  ],
  'window.disposeStatusBarItem': ['public', object({ handle })],
  'window.showMessage': [
    'public',
    object({
      severity: oneOf(['info', 'warning', 'error']),
      message: shown,
      actions: array(rowText, { max: 5 }),
    }),
  ],
  'window.showQuickPick': ['public', object({ items: array(pickItem, { max: 1000 }), placeholder: rowText })],
  'window.showInputBox': [
    'public',
    object({
      title: rowText,
      value: optional(shown),
      placeholder: optional(rowText),
      password: optional(boolean),
    }),
  ],
  'window.showDialog': [
    'public',
    object({ message: shown, detail: optional(shown), actions: array(rowText, { max: 5 }) }),
  ],
  'window.showProgress': ['public', object({ handle, title: rowText })],
  'window.hideProgress': ['public', object({ handle })],
  'window.openLink': ['ui.links', object({ url: string({ min: 1, max: 2048 }) })],
  'window.copyText': ['clipboard.write', object({ text: string({ max: 100_000 }) })],
  'configuration.update': ['public', object({ key: id, value: json })],
  'connection.retry': ['connection.control', empty],
  'connection.disconnect': ['connection.control', empty],
  'rooms.enter': ['rooms.write', object({ room, password })],
  'rooms.leave': ['rooms.write', empty],
  'rooms.create': [
    'rooms.write',
    object({
      parent: nullable(room),
      name: rowText,
      description: optional(shown),
      limit: optional(integer()),
      password,
      permanent: optional(boolean),
    }),
  ],
  'rooms.edit': [
    'rooms.write',
    object({
      room,
      name: optional(rowText),
      description: optional(shown),
      limit: optional(integer()),
      password: optional(nullable(string({ max: 256 }))),
    }),
  ],
  'rooms.delete': ['rooms.write', object({ room })],
  'call.join': ['call.control', object({ room, password })],
  'call.leave': ['call.control', empty],
  'call.setMuted': ['call.control', object({ muted: boolean })],
  'call.setDeafened': ['call.control', object({ deafened: boolean })],
  'call.setTalking': ['call.control', object({ pressed: boolean })],
  'call.setVolume': ['call.control', object({ key: id, volume: number({ min: 0, max: 2 }) })],
  'text.open': ['text.read', object({ room, password })],
  'text.history': ['text.read', object({ room, before: integer(), limit: integer({ min: 1, max: 500 }) })],
  'text.send': ['text.write', object({ room, text: string({ min: 1, max: 100_000 }) })],
  'text.leave': ['text.write', object({ room })],
} as const satisfies Readonly<Record<string, readonly [Permission | 'public', Schema<unknown>]>>;

type MethodTable = typeof METHODS;
/** Name of a method. */
export type SandboxMethodName = keyof MethodTable;
type Argument<N extends SandboxMethodName> = Infer<MethodTable[N][1]>;

/** Results that are more than an acknowledgement. */
interface Results {
  'commands.execute': unknown;
  'window.showMessage': string | null;
  'window.showQuickPick': number | null;
  'window.showInputBox': string | null;
  'window.showDialog': string | null;
  'rooms.create': number;
  'text.open': readonly Message[];
  'text.history': readonly Message[];
  'text.send': Message;
}

/** Methods the workbench serves to an extension. */
export type SandboxMethods = {
  [N in SandboxMethodName]: (argument: Argument<N>) => N extends keyof Results ? Results[N] : null;
};

/** Argument schemas by method. */
export const sandboxSchemas = Object.fromEntries(
  Object.entries(METHODS).map(([name, [, schema]]) => [name, schema]),
) as RpcSchemas<SandboxMethods>;

/** What a method takes; undefined for what is no method, which is always refused. */
export function permissionOf(method: string): Permission | 'public' | undefined {
  return Object.hasOwn(METHODS, method) ? METHODS[method as SandboxMethodName][0] : undefined;
}

/** State that the runtime mirrors, so that the extension reads it without waiting. Sent as far as permitted. */
export interface MirroredState {
  readonly identity: Identity | null;
  readonly connection: Connection;
  readonly directory: { readonly rooms: readonly Room[]; readonly people: readonly Person[] };
  readonly call: Call;
  readonly speaking: { readonly sessions: readonly number[]; readonly transmitting: boolean };
  readonly stats: CallStats | null;
  readonly textGroup: TextGroup;
  readonly message: Message;
  readonly setting: { readonly key: string; readonly value: unknown };
}

/** What the workbench tells: one event for each part of the mirror. */
export type SandboxEvents = { readonly [N in keyof MirroredState]: MirroredState[N] };

/** What the extension needs to know to answer at once what the workbench would refuse anyway. */
export interface SandboxStart {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly displayName: string;
  readonly commands: readonly string[];
  readonly trees: readonly string[];
  readonly settings: Readonly<Record<string, unknown>>;
  readonly granted: readonly string[];
  readonly state: Partial<Omit<MirroredState, 'textGroup' | 'message' | 'setting'>>;
}

/** An argument of a command: a value, or a row of one of the extension's trees. */
export type CommandArgument = { readonly value: unknown } | { readonly viewId: string; readonly row: string };

/** What the runtime serves to the workbench. Its answers are as untrusted as its questions. */
export type RuntimeMethods = {
  activate: (argument: SandboxStart) => null;
  deactivate: (argument: null) => null;
  'command.run': (argument: { readonly id: string; readonly args: readonly CommandArgument[] }) => unknown;
  ping: (argument: null) => null;
};
