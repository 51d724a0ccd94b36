import {
  array,
  boolean,
  integer,
  number,
  object,
  oneOf,
  optional,
  parse,
  record,
  string,
  anything,
  type Infer,
  type ObjectOf,
  type Schema,
} from '../../core/base/schema.ts';
import { failure, success, type Result } from '../../core/base/result.ts';
import { isVersionRange, parseVersion, satisfiesRange } from './semver.ts';

/**
 * The manifest of an extension: a `package.json` whose `contributes` says everything that can be known
 * without running code. It comes from outside, so it is size-limited, checked field by field and then
 * cross-checked; an error names the field, what was expected and where the reader finds the list.
 */

/** Larger manifests are refused before they are parsed. */
export const MAX_MANIFEST_CHARACTERS = 256 * 1024;

/** What an extension may ask for; the trusted runtime grants all of a built-in's, others ask the user. */
export const PERMISSIONS = [
  'ui.elements',
  'ui.links',
  'clipboard.write',
  'identity.read',
  'connection.read',
  'connection.control',
  'rooms.read',
  'rooms.write',
  'call.read',
  'call.control',
  'text.read',
  'text.write',
] as const;
/** A permission of the closed list. */
export type Permission = (typeof PERMISSIONS)[number];

/** Places in menus that extensions may add to. */
export const MENU_LOCATIONS = ['commandPalette', 'view/title', 'view/item/context'] as const;
/** A place in a menu. */
export type MenuLocation = (typeof MENU_LOCATIONS)[number];

const ID = /^[a-z][a-zA-Z0-9-]*(\.[a-zA-Z][a-zA-Z0-9-]*)+$/;
const SIMPLE_ID = /^[a-z][a-zA-Z0-9-]*$/;
const NAME = /^[a-z][a-z0-9-]*$/;
const ICON = /^[a-z][a-z0-9-]*$/;
const dottedId = string({ min: 3, max: 100, pattern: ID });
const shortId = string({ min: 1, max: 64, pattern: SIMPLE_ID });
const text = string({ min: 1, max: 200 });
const longText = string({ min: 1, max: 2000 });
const when = string({ min: 1, max: 500 });
const order = integer({ max: 1000 });
const icon = string({ min: 1, max: 64, pattern: ICON });

/** Like `object`, but a name that is not declared is an error: in a manifest it is a typing mistake. */
function strictObject<F extends Readonly<Record<string, Schema<unknown>>>>(fields: F): Schema<ObjectOf<F>> {
  const known = oneOf(Object.keys(fields));
  const inner = object(fields);
  return {
    check(value, path) {
      const checked = inner.check(value, path);
      for (const name of Object.keys(value as object))
        known.check(name, path === '' ? name : `${path}.${name}`);
      return checked;
    },
  };
}

const command = strictObject({
  id: dottedId,
  title: text,
  category: optional(text),
  icon: optional(icon),
  enablement: optional(when),
  /** False keeps it out of the palette, for commands that make no sense there. */
  palette: optional(boolean),
  /** Other extensions may run it. */
  public: optional(boolean),
});

const keybinding = strictObject({
  command: dottedId,
  /** For example `ctrl+shift+m`; two strokes are separated by a space. */
  key: string({ min: 1, max: 60 }),
  mac: optional(string({ min: 1, max: 60 })),
  when: optional(when),
  args: optional(array(anything, { max: 8 })),
  /** The command gets `{ pressed: true }` when the key goes down and `{ pressed: false }` when it comes up. */
  hold: optional(boolean),
});

const menuItem = strictObject({
  command: dottedId,
  when: optional(when),
  group: optional(string({ min: 1, max: 60 })),
  order: optional(order),
});

const viewContainer = strictObject({ id: shortId, title: text, icon, order: optional(order) });

const view = strictObject({
  id: dottedId,
  name: text,
  kind: oneOf(['tree', 'element', 'editor']),
  icon: optional(icon),
  when: optional(when),
  order: optional(order),
  /** Share of the height next to its neighbours; 1 by default. */
  weight: optional(number({ min: 0.1, max: 10 })),
});

const textOrNumber: Schema<string | number> = {
  check: (value, path) =>
    typeof value === 'number' ? number().check(value, path) : string({ max: 100 }).check(value, path),
};

const settingType = oneOf(['boolean', 'string', 'number', 'integer']);
const setting = strictObject({
  type: settingType,
  default: anything,
  description: longText,
  enum: optional(array(textOrNumber, { max: 50 })),
  enumDescriptions: optional(array(string({ max: 500 }), { max: 50 })),
  minimum: optional(number()),
  maximum: optional(number()),
  maxLength: optional(integer({ max: 10_000 })),
});

const welcome = strictObject({
  view: dottedId,
  /** Plain text; `[Label](command:id)` on a line of its own becomes a button. */
  contents: longText,
  when: optional(when),
});

const contributes = strictObject({
  commands: optional(array(command, { max: 200 })),
  keybindings: optional(array(keybinding, { max: 200 })),
  menus: optional(
    strictObject({
      commandPalette: optional(array(menuItem, { max: 200 })),
      'view/title': optional(array(menuItem, { max: 200 })),
      'view/item/context': optional(array(menuItem, { max: 200 })),
    }),
  ),
  viewsContainers: optional(
    strictObject({
      activitybar: optional(array(viewContainer, { max: 10 })),
      secondary: optional(array(viewContainer, { max: 10 })),
      panel: optional(array(viewContainer, { max: 10 })),
    }),
  ),
  /** Views by the container they start in; editor views stand under `editor`. */
  views: optional(record(array(view, { max: 30 }), { max: 20 })),
  viewsWelcome: optional(array(welcome, { max: 50 })),
  configuration: optional(strictObject({ title: text, properties: record(setting, { max: 200 }) })),
});

const manifestSchema = object({
  name: string({ min: 1, max: 64, pattern: NAME }),
  publisher: string({ min: 1, max: 64, pattern: NAME }),
  version: string({ min: 5, max: 32 }),
  displayName: text,
  description: optional(longText),
  engines: object({ conclave: string({ min: 2, max: 32 }) }),
  /** The bundled script, relative to the manifest. */
  main: optional(string({ min: 1, max: 200, pattern: /^\.\/[A-Za-z0-9_-][A-Za-z0-9_./-]*\.(js|ts)$/ })),
  /** Where the script runs: with the program's own, or (`sandboxed`) shut off from everything but this API. */
  runtime: optional(oneOf(['trusted', 'sandboxed'])),
  activationEvents: optional(array(string({ min: 1, max: 120 }), { max: 100 })),
  contributes: optional(contributes),
  permissions: optional(array(oneOf(PERMISSIONS), { max: PERMISSIONS.length })),
});

/** A command in a manifest. */
export type CommandContribution = Infer<typeof command>;
/** A default key in a manifest. */
export type KeybindingContribution = Infer<typeof keybinding>;
/** A menu entry in a manifest. */
export type MenuContribution = Infer<typeof menuItem>;
/** A view container in a manifest. */
export type ViewContainerContribution = Infer<typeof viewContainer>;
/** A view in a manifest. */
export type ViewContribution = Infer<typeof view>;
/** A setting in a manifest. */
export type SettingContribution = Infer<typeof setting>;
/** What an empty view says. */
export type WelcomeContribution = Infer<typeof welcome>;

/** A checked manifest; `id` is publisher and name. */
export type Manifest = Infer<typeof manifestSchema> & { readonly id: string };

/** Reads a manifest from its text. The error is one sentence that names the field. */
export function parseManifest(source: string, apiVersion: string): Result<Manifest, string> {
  if (source.length > MAX_MANIFEST_CHARACTERS)
    return failure(`The manifest is larger than ${MAX_MANIFEST_CHARACTERS} characters`);
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch {
    return failure('The manifest is not valid JSON');
  }
  return checkManifest(value, apiVersion);
}

/** Checks the parsed value of a manifest. */
export function checkManifest(value: unknown, apiVersion: string): Result<Manifest, string> {
  const parsed = parse(manifestSchema, value);
  if (!parsed.ok)
    return failure(
      parsed.error.path === '' ? parsed.error.message : `${parsed.error.path}: ${parsed.error.message}`,
    );
  const manifest: Manifest = { ...parsed.value, id: `${parsed.value.publisher}.${parsed.value.name}` };
  const problem = findProblem(manifest, apiVersion);
  return problem === undefined ? success(deepFreeze(manifest)) : failure(problem);
}

/** The events that start an extension: the written ones and those that follow from what it contributes. */
export function activationEventsOf(manifest: Manifest): ReadonlySet<string> {
  const events = new Set(manifest.activationEvents ?? []);
  for (const { id } of manifest.contributes?.commands ?? []) events.add(`onCommand:${id}`);
  for (const { id } of viewsOf(manifest)) events.add(`onView:${id}`);
  return events;
}

/** All views of a manifest, whatever their container. */
export function viewsOf(manifest: Manifest): readonly ViewContribution[] {
  return Object.values(manifest.contributes?.views ?? {}).flat();
}

/** What a schema cannot say: references between fields, uniqueness, and defaults that fit their type. */
function findProblem(manifest: Manifest, apiVersion: string): string | undefined {
  if (!parseVersion(manifest.version)) return 'version: expected three numbers such as 1.0.0';
  const range = manifest.engines.conclave;
  if (!isVersionRange(range)) return 'engines.conclave: expected a range such as ^0.1';
  if (!satisfiesRange(apiVersion, range))
    return `engines.conclave: asks for ${range}, this program offers ${apiVersion}; update the one that is older`;
  const points = manifest.contributes ?? {};
  const commands = new Set<string>();
  for (const [index, { id }] of (points.commands ?? []).entries()) {
    if (commands.has(id)) return `contributes.commands[${index}].id: "${id}" is declared twice`;
    commands.add(id);
  }
  for (const [index, binding] of (points.keybindings ?? []).entries())
    if (!commands.has(binding.command))
      return `contributes.keybindings[${index}].command: "${binding.command}" is not declared in contributes.commands`;
  for (const location of MENU_LOCATIONS)
    for (const [index, item] of (points.menus?.[location] ?? []).entries())
      if (!commands.has(item.command))
        return `contributes.menus.${location}[${index}].command: "${item.command}" is not declared in contributes.commands`;
  const containers = new Set(['editor']);
  for (const place of ['activitybar', 'secondary', 'panel'] as const)
    for (const [index, container] of (points.viewsContainers?.[place] ?? []).entries()) {
      if (containers.has(container.id))
        return `contributes.viewsContainers.${place}[${index}].id: "${container.id}" is taken`;
      containers.add(container.id);
    }
  const views = new Set<string>();
  for (const [container, list] of Object.entries(points.views ?? {}))
    for (const [index, { id, kind }] of list.entries()) {
      const path = `contributes.views.${container}[${index}]`;
      if (!containers.has(container))
        return `${path}: the container "${container}" is not declared in contributes.viewsContainers`;
      if ((kind === 'editor') !== (container === 'editor'))
        return `${path}.kind: views of kind editor stand under "editor", and no others do`;
      if (manifest.runtime === 'sandboxed' && kind !== 'tree')
        return `${path}.kind: sandboxed extensions have views of kind tree only`;
      if (views.has(id)) return `${path}.id: "${id}" is declared twice`;
      views.add(id);
    }
  for (const [index, { view: id }] of (points.viewsWelcome ?? []).entries())
    if (!views.has(id))
      return `contributes.viewsWelcome[${index}].view: "${id}" is not declared in contributes.views`;
  for (const [key, property] of Object.entries(points.configuration?.properties ?? {})) {
    const path = `contributes.configuration.properties.${key}`;
    if (!key.startsWith(`${manifest.name}.`) || !ID.test(key))
      return `${path}: settings start with "${manifest.name}."`;
    const problem = findSettingProblem(property);
    if (problem !== undefined) return `${path}.${problem}`;
  }
  for (const [index, event] of (manifest.activationEvents ?? []).entries())
    if (!isActivationEvent(event, commands, views))
      return `activationEvents[${index}]: expected onStartupFinished, or onCommand: or onView: with an id declared here`;
  if (manifest.runtime === 'sandboxed' && manifest.permissions?.includes('ui.elements'))
    return 'permissions: sandboxed extensions cannot have ui.elements';
  if ((commands.size > 0 || views.size > 0) && manifest.main === undefined)
    return 'main: expected the script that fills the commands and views declared';
  return undefined;
}

function isActivationEvent(
  event: string,
  commands: ReadonlySet<string>,
  views: ReadonlySet<string>,
): boolean {
  if (event === 'onStartupFinished') return true;
  const [kind, id] = splitOnce(event, ':');
  return (kind === 'onCommand' && commands.has(id)) || (kind === 'onView' && views.has(id));
}

function splitOnce(value: string, separator: string): readonly [string, string] {
  const at = value.indexOf(separator);
  return at < 0 ? [value, ''] : [value.slice(0, at), value.slice(at + 1)];
}

function findSettingProblem(property: SettingContribution): string | undefined {
  const value = property.default;
  const fits =
    property.type === 'integer' ? Number.isSafeInteger(value) : (typeof value as string) === property.type;
  if (!fits) return `default: expected a value of type ${property.type}`;
  if (property.enum && !property.enum.includes(value as string | number))
    return `default: expected one of ${property.enum.join(', ')}`;
  if (property.enumDescriptions && property.enumDescriptions.length !== (property.enum?.length ?? 0))
    return 'enumDescriptions: expected one for each value of enum';
  if (typeof value === 'number') {
    if (property.minimum !== undefined && value < property.minimum) return 'default: is below minimum';
    if (property.maximum !== undefined && value > property.maximum) return 'default: is above maximum';
  }
  return undefined;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const entry of Object.values(value)) deepFreeze(entry);
  }
  return value;
}
