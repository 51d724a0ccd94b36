import { describe, expect, it } from 'vitest';
import { checkSetting, createConfigurationService, type SettingSchema } from './configuration.ts';

const settings = {
  'voice.mode': { type: 'string', enum: ['a', 'b'], default: 'a', description: 'Mode' },
  'voice.gain': { type: 'number', minimum: 0, maximum: 2, default: 1, description: 'Gain' },
  'ui.tags': { type: 'array', items: { type: 'string' }, default: [], description: 'Tags' },
} as const satisfies Readonly<Record<string, SettingSchema>>;

function fixture() {
  const written: string[] = [];
  const service = createConfigurationService(async (text) => {
    written.push(text);
  });
  const registration = service.register(settings, { owner: 'test', section: 'Test' });
  return {
    service,
    written,
    dispose() {
      registration.dispose();
      service.dispose();
    },
  };
}

describe('settings', () => {
  it.each([
    [{ type: 'boolean', default: false, description: '' }, 'yes', /true or false/],
    [{ type: 'integer', default: 0, description: '' }, 1.5, /whole/],
    [{ type: 'number', default: 0, maximum: 2, description: '' }, 3, /at most 2/],
    [{ type: 'string', default: '', maxLength: 2, description: '' }, 'abc', /0 to 2/],
    [{ type: 'string', default: '', pattern: '[a-z]*', description: '' }, 'A', /match/],
    [{ type: 'array', default: [], items: { type: 'string' }, description: '' }, [1], /list of texts/],
    [{ type: 'object', default: {}, description: '' }, [], /object/],
  ] satisfies readonly (readonly [SettingSchema, unknown, RegExp])[])(
    'checks %j',
    (schema, value, message) => {
      expect(checkSetting(schema, value)).toMatch(message);
      expect(checkSetting(schema, schema.default)).toBeUndefined();
    },
  );

  it('layers default, extension and user', () => {
    const { service, dispose } = fixture();
    const defaults = service.registerDefaults({ 'voice.mode': 'b', 'voice.gain': 7 });
    expect(service.get('voice.mode')).toBe('b');
    expect(service.get('voice.gain')).toBe(1);
    service.setUserText('{ "voice.mode": "a" }');
    expect(service.inspect('voice.mode')).toEqual({
      value: 'a',
      defaultValue: 'a',
      extensionValue: 'b',
      userValue: 'a',
    });
    service.setUserText('');
    defaults.dispose();
    expect(service.get('voice.mode')).toBe('a');
    dispose();
  });

  it('keeps the last good value when the file becomes wrong, and says so', () => {
    const { service, dispose } = fixture();
    service.setUserText('{ "voice.gain": 0.5 }');
    service.setUserText('{ "voice.gain": "loud" }');
    expect(service.get('voice.gain')).toBe(0.5);
    expect(service.problems).toEqual([
      { key: 'voice.gain', message: '"voice.gain" must be a number. The last good value stays in use.' },
    ]);
    service.setUserText('{ "voice.gain": 2');
    expect(service.get('voice.gain')).toBe(0.5);
    expect(service.problems[0]?.message).toMatch(/not valid JSON/);
    service.setUserText('{}');
    expect(service.get('voice.gain')).toBe(1);
    expect(service.problems).toEqual([]);
    dispose();
  });

  it('writes one key and keeps comments, order and what others declared', async () => {
    const { service, written, dispose } = fixture();
    service.setUserText('{\n  // loud enough\n  "voice.gain": 1.5,\n  "unknown.key": true\n}');
    await service.update('voice.mode', 'b');
    expect(written).toEqual([
      '{\n  // loud enough\n  "voice.gain": 1.5,\n  "unknown.key": true,\n  "voice.mode": "b"\n}',
    ]);
    await service.update('voice.gain', undefined);
    expect(service.get('voice.gain')).toBe(1);
    expect(service.userText).not.toContain('voice.gain');
    dispose();
  });

  it('refuses wrong values, unknown settings and a file that would be damaged further', async () => {
    const { service, written, dispose } = fixture();
    await expect(service.update('voice.gain', 9)).rejects.toMatchObject({ code: 'invalid_setting' });
    await expect(service.update('nope', 9)).rejects.toMatchObject({ code: 'unknown_setting' });
    expect(() => service.get('nope')).toThrow(/no setting/);
    service.setUserText('{ broken');
    await expect(service.update('voice.gain', 1.5)).rejects.toMatchObject({ code: 'settings_unreadable' });
    expect(written).toEqual([]);
    dispose();
  });

  it('tells what changed, for a key and for its prefix', () => {
    const { service, dispose } = fixture();
    const seen: (readonly [boolean, boolean, boolean])[] = [];
    const subscription = service.onDidChange((change) =>
      seen.push([change.affects('voice'), change.affects('voice.gain'), change.affects('voi')]),
    );
    service.setUserText('{ "voice.gain": 2 }');
    service.setUserText('{ "voice.gain": 2 } ');
    expect(seen).toEqual([[true, true, false]]);
    subscription.dispose();
    dispose();
  });

  it('refuses to declare a setting twice or with a wrong default', () => {
    const { service, dispose } = fixture();
    expect(() => service.register(settings, { owner: 'other', section: 'x' })).toThrow(/already/);
    expect(() =>
      service.register(
        { 'a.b': { type: 'integer', default: 'x', description: '' } },
        { owner: 'other', section: 'x' },
      ),
    ).toThrow(/whole|number/);
    dispose();
  });
});
