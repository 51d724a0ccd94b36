import { describe, expect, it } from 'vitest';
import type { Clock } from '../../core/base/async.ts';
import { toDisposable } from '../../core/base/disposable.ts';
import { createContextKeyService } from './context-keys.ts';
import { createKeybindingService, KEYBINDING_WEIGHT, parseUserKeybindings } from './keybindings.ts';
import { keystrokeOf, labelOfChord, parseChord, type KeyEventLike, type Platform } from './keystroke.ts';

function key(event: Partial<KeyEventLike>): KeyEventLike {
  return { key: '', code: '', ctrlKey: false, shiftKey: false, altKey: false, metaKey: false, ...event };
}

describe('keystrokes', () => {
  it.each([
    ['Latin letter', { key: 'P', code: 'KeyP', ctrlKey: true, shiftKey: true }, 'ctrl+shift+p'],
    ['letter moved by the layout (AZERTY)', { key: 'a', code: 'KeyQ', ctrlKey: true }, 'ctrl+a'],
    ['Cyrillic layout goes by the place', { key: 'з', code: 'KeyP', ctrlKey: true }, 'ctrl+p'],
    ['shifted digit', { key: '!', code: 'Digit1', shiftKey: true }, 'shift+1'],
    ['function key', { key: 'F9', code: 'F9' }, 'f9'],
    ['arrow', { key: 'ArrowUp', code: 'ArrowUp', altKey: true }, 'alt+up'],
    ['bracket', { key: 'ü', code: 'BracketLeft', ctrlKey: true }, 'ctrl+['],
    ['a modifier alone', { key: 'Control', code: 'ControlRight', ctrlKey: true }, 'controlright'],
    ['number block', { key: '5', code: 'Numpad5' }, 'numpad5'],
    ['a key nobody named', { key: 'AudioVolumeUp', code: 'AudioVolumeUp' }, undefined],
  ] as const)('%s', (_name, event, expected) => {
    expect(keystrokeOf(key(event))).toBe(expected);
  });

  it.each([
    ['mod+shift+P', 'linux', ['ctrl+shift+p']],
    ['mod+shift+P', 'darwin', ['shift+meta+p']],
    ['Shift+Ctrl+a', 'linux', ['ctrl+shift+a']],
    ['ctrl+k ctrl+s', 'linux', ['ctrl+k', 'ctrl+s']],
    ['cmd+esc', 'linux', ['meta+escape']],
    ['ctrl++', 'linux', ['ctrl+=']],
    ['', 'linux', undefined],
    ['ctrl', 'linux', undefined],
    ['ctrl+a+b', 'linux', undefined],
    ['a b c', 'linux', undefined],
    ['ctrl+nosuchkey', 'linux', undefined],
  ] as const)('parses %s on %s', (text, platform, expected) => {
    const parsed = parseChord(text, platform);
    expect(parsed.ok ? parsed.value : undefined).toEqual(expected);
  });

  it.each([
    ['linux', 'ctrl+shift+p', 'Ctrl+Shift+P'],
    ['darwin', 'ctrl+shift+alt+meta+p', '⌃⌥⇧⌘P'],
    ['win32', 'meta+enter', 'Win+Enter'],
    ['linux', 'ctrl+up', 'Ctrl+↑'],
  ] as const)('labels on %s', (platform, stroke, label) => {
    expect(labelOfChord([stroke], platform)).toBe(label);
  });
});

function fixture(platform: Platform = 'linux') {
  const contextKeys = createContextKeyService();
  const calls: string[] = [];
  const timers: (() => void)[] = [];
  const clock: Clock = {
    now: () => 0,
    wallTime: () => 0,
    setTimer(_milliseconds, callback) {
      timers.push(callback);
      return toDisposable(() => timers.splice(timers.indexOf(callback), 1));
    },
  };
  const service = createKeybindingService({
    platform,
    contextKeys,
    clock,
    execute: (command, args) =>
      calls.push(args.length === 0 ? command : `${command} ${JSON.stringify(args)}`),
  });
  return {
    service,
    contextKeys,
    calls,
    timers,
    dispose() {
      service.dispose();
      contextKeys.dispose();
    },
  };
}

describe('keybindings', () => {
  it('lets the higher weight win, then the later one, and only where the condition holds', () => {
    const { service, contextKeys, calls, dispose } = fixture();
    const held = [
      service.register([{ key: 'ctrl+a', command: 'extension' }], KEYBINDING_WEIGHT.extension),
      service.register([
        { key: 'ctrl+a', command: 'core' },
        { key: 'ctrl+b', command: 'first' },
        { key: 'ctrl+b', command: 'second' },
        { key: 'ctrl+b', command: 'conditional', when: 'inRoom' },
      ]),
    ];
    service.keyDown('ctrl+a');
    service.keyDown('ctrl+b');
    contextKeys.set('inRoom', true);
    service.keyDown('ctrl+b');
    expect(calls).toEqual(['extension', 'second', 'conditional']);
    expect(service.keyDown('ctrl+x')).toBe(false);
    held.forEach((registration) => registration.dispose());
    expect(service.keyDown('ctrl+a')).toBe(false);
    dispose();
  });

  it('runs chords, swallows a wrong second stroke and forgets after a while', () => {
    const { service, calls, timers, dispose } = fixture();
    const registration = service.register([
      { key: 'ctrl+k ctrl+t', command: 'theme' },
      { key: 'ctrl+t', command: 'tab' },
    ]);
    const pending: (string | undefined)[] = [];
    const subscription = service.onDidChangePending((label) => pending.push(label));
    expect(service.keyDown('ctrl+k')).toBe(true);
    expect(service.keyDown('controlleft')).toBe(false);
    expect(service.keyDown('ctrl+t')).toBe(true);
    service.keyDown('ctrl+k');
    expect(service.keyDown('ctrl+y')).toBe(true);
    service.keyDown('ctrl+k');
    timers[0]?.();
    service.keyDown('ctrl+t');
    expect(calls).toEqual(['theme', 'tab']);
    expect(pending).toEqual(['Ctrl+K', undefined, 'Ctrl+K', undefined, 'Ctrl+K', undefined]);
    subscription.dispose();
    registration.dispose();
    dispose();
  });

  it('holds: one press however long the key repeats, one release whatever the modifiers are then', () => {
    const { service, calls, dispose } = fixture();
    const registration = service.register([{ key: 'ctrl+f9', command: 'talk', hold: true }]);
    expect(service.keyDown('ctrl+f9')).toBe(true);
    expect(service.keyDown('ctrl+f9', { repeat: true })).toBe(true);
    expect(service.keyDown('f9', { repeat: true })).toBe(true);
    service.keyUp('f9');
    service.keyUp('f9');
    expect(calls).toEqual(['talk [{"pressed":true}]', 'talk [{"pressed":false}]']);
    service.keyDown('ctrl+f9');
    service.releaseAll();
    expect(calls).toHaveLength(4);
    registration.dispose();
    dispose();
  });

  it('lets the user add, replace and remove', () => {
    const { service, calls, dispose } = fixture();
    const registration = service.register(
      [
        { key: 'ctrl+a', command: 'a' },
        { key: 'ctrl+b', command: 'b' },
        { key: 'ctrl+c', command: 'c' },
        { key: 'ctrl+d', command: 'c' },
      ],
      KEYBINDING_WEIGHT.extension,
    );
    const problems = service.setUserText(`[
      // mine
      { "key": "ctrl+a", "command": "mine", "args": [1] },
      { "key": "ctrl+b", "command": "-b" },
      { "command": "-c" },
    ]`);
    expect(problems).toEqual([]);
    expect(['ctrl+a', 'ctrl+b', 'ctrl+c', 'ctrl+d'].map((stroke) => service.keyDown(stroke))).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect(calls).toEqual(['mine [1]']);
    expect(service.labelFor('mine')).toBe('Ctrl+A');
    expect(service.labelFor('b')).toBeUndefined();
    service.setUserText('');
    expect(service.labelFor('b')).toBe('Ctrl+B');
    registration.dispose();
    dispose();
  });

  it('keeps the good rules of a user file and names the bad ones', () => {
    const { service, dispose } = fixture();
    const problems = service.setUserText(
      '[{"key":"ctrl+a","command":"ok"},{"key":"ctrl+","command":"x"},{"key":"f1"},3,{"key":"f2","command":"y","when":"a &&"}]',
    );
    expect(problems).toHaveLength(4);
    expect(service.bindings().map((binding) => binding.command)).toEqual(['ok']);
    expect(parseUserKeybindings('{}').problems).toHaveLength(1);
    expect(parseUserKeybindings('[').problems.length).toBeGreaterThan(0);
    dispose();
  });

  it('refuses wrong rules of our own at once', () => {
    const { service, dispose } = fixture();
    expect(() => service.register([{ key: 'nokey', command: 'x' }])).toThrow(/nokey/);
    expect(() => service.register([{ key: 'ctrl+k ctrl+x', command: 'x', hold: true }])).toThrow(/held/);
    dispose();
  });

  it('takes the system’s own key', () => {
    const { service, dispose } = fixture('darwin');
    const registration = service.register([{ key: 'ctrl+a', mac: 'cmd+b', command: 'x' }]);
    expect(service.labelFor('x')).toBe('⌘B');
    registration.dispose();
    dispose();
  });
});
