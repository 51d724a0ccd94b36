import { readdirSync, existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { activationEventsOf, checkManifest, MAX_MANIFEST_CHARACTERS, parseManifest } from './manifest.ts';
import { API_VERSION } from './version.ts';

const base = {
  name: 'sample',
  publisher: 'someone',
  version: '1.0.0',
  displayName: 'Sample',
  engines: { conclave: '^0.1' },
  main: './main.js',
  contributes: {
    commands: [{ id: 'sample.run', title: 'Run' }],
    viewsContainers: { activitybar: [{ id: 'box', title: 'Box', icon: 'home' }] },
    views: { box: [{ id: 'sample.view', name: 'View', kind: 'tree' }] },
    configuration: {
      title: 'Sample',
      properties: { 'sample.on': { type: 'boolean', default: true, description: 'On.' } },
    },
  },
};

/** The base with one place changed; `undefined` removes it. */
function changed(path: string, value: unknown): unknown {
  const copy = structuredClone(base) as Record<string, unknown>;
  const names = path.split('/');
  let at = copy;
  for (const name of names.slice(0, -1)) at = (at[name] ??= {}) as Record<string, unknown>;
  const last = names.at(-1) as string;
  if (value === undefined) delete at[last];
  else at[last] = value;
  return copy;
}

describe('a manifest', () => {
  it('is taken when everything fits, frozen and with its id', () => {
    const result = checkManifest(base, API_VERSION);
    expect(result).toMatchObject({ ok: true, value: { id: 'someone.sample' } });
    if (result.ok) expect(Object.isFrozen(result.value.contributes?.commands?.[0])).toBe(true);
  });

  it.each<readonly [string, unknown, string]>([
    ['name', undefined, 'name: expected a value'],
    ['name', 'Sample Extension', 'name: expected text matching'],
    ['version', '1.0', 'version'],
    ['engines/conclave', '*', 'engines.conclave'],
    ['engines/conclave', '^0.2', 'engines.conclave: asks for ^0.2, this program offers 0.1.0'],
    ['main', '../outside.js', 'main'],
    ['main', undefined, 'main: expected the script'],
    ['main', 'https://example.org/x.js', 'main'],
    ['permissions', ['everything'], 'permissions[0]: expected one of'],
    ['activationEvents', ['*'], 'activationEvents[0]'],
    ['activationEvents', ['onView:other'], 'activationEvents[0]'],
    ['contributes/comands', [], 'contributes.comands: expected one of commands,'],
    ['contributes/commands', [{ id: 'sample.run', titel: 'x', title: 'x' }], 'contributes.commands[0].titel'],
    [
      'contributes/commands',
      [
        { id: 'sample.run', title: 'x' },
        { id: 'sample.run', title: 'y' },
      ],
      'contributes.commands[1].id: "sample.run" is declared twice',
    ],
    ['contributes/keybindings', [{ command: 'other.run', key: 'f1' }], 'contributes.keybindings[0].command'],
    ['contributes/menus', { 'view/title': [{ command: 'x.y' }] }, 'contributes.menus.view/title[0].command'],
    [
      'contributes/views/elsewhere',
      [{ id: 'a.b', name: 'x', kind: 'tree' }],
      'contributes.views.elsewhere[0]',
    ],
    [
      'contributes/views/editor',
      [{ id: 'a.b', name: 'x', kind: 'tree' }],
      'contributes.views.editor[0].kind',
    ],
    ['contributes/viewsWelcome', [{ view: 'a.b', contents: 'x' }], 'contributes.viewsWelcome[0].view'],
    [
      'contributes/configuration/properties',
      { 'other.on': { type: 'boolean', default: true, description: 'x' } },
      'contributes.configuration.properties.other.on: settings start with "sample."',
    ],
    [
      'contributes/configuration/properties',
      { 'sample.on': { type: 'boolean', default: 1, description: 'x' } },
      'sample.on.default',
    ],
    [
      'contributes/configuration/properties',
      { 'sample.on': { type: 'integer', default: 5, enum: [10, 20], description: 'x' } },
      'sample.on.default: expected one of 10, 20',
    ],
    [
      'contributes/configuration/properties',
      { 'sample.on': { type: 'number', default: 5, maximum: 2, description: 'x' } },
      'sample.on.default: is above maximum',
    ],
  ])('is refused for %s = %o', (path, value, expected) => {
    const result = checkManifest(changed(path, value), API_VERSION);
    expect(result.ok).toBe(false);
    if (!result.ok) expect(result.error).toContain(expected);
  });

  it('is refused by its size before it is parsed', () => {
    const result = parseManifest(' '.repeat(MAX_MANIFEST_CHARACTERS + 1), API_VERSION);
    expect(result).toMatchObject({ ok: false, error: expect.stringContaining('larger than') as unknown });
  });

  it('never throws, whatever the text is', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseManifest(text, API_VERSION)));
    fc.assert(fc.property(fc.jsonValue(), (value) => void checkManifest(value, API_VERSION)));
    fc.assert(
      fc.property(fc.jsonValue(), (contributes) => void checkManifest({ ...base, contributes }, API_VERSION)),
    );
  });

  it('starts by what it contributes', () => {
    const result = checkManifest({ ...base, activationEvents: ['onStartupFinished'] }, API_VERSION);
    expect(result.ok && [...activationEventsOf(result.value)]).toEqual([
      'onStartupFinished',
      'onCommand:sample.run',
      'onView:sample.view',
    ]);
  });
});

describe('the built-in extensions', () => {
  const folder = fileURLToPath(new URL('..', import.meta.url));
  const ids = readdirSync(folder).filter((id) => existsSync(`${folder}${id}/package.json`));

  it.each(ids)('%s has a valid manifest', (id) => {
    const result = parseManifest(readFileSync(`${folder}${id}/package.json`, 'utf8'), API_VERSION);
    expect(result.ok ? '' : result.error).toBe('');
  });

  it('do not declare anything twice among them', () => {
    const seen = new Set<string>();
    for (const id of ids) {
      const result = parseManifest(readFileSync(`${folder}${id}/package.json`, 'utf8'), API_VERSION);
      if (!result.ok) continue;
      for (const command of result.value.contributes?.commands ?? []) {
        expect(seen.has(command.id), command.id).toBe(false);
        seen.add(command.id);
      }
    }
    expect(seen.size).toBeGreaterThan(0);
  });
});
