import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSavedDock, type SavedDock, type SavedNode } from './saved-layout.ts';

const tab = (key: string) => ({ viewId: 'chat', key, title: key });
const group = (id: string, tabs: readonly string[], extra: object = {}): SavedNode => ({
  kind: 'group',
  id,
  tabs,
  size: 100,
  ...extra,
});
const dock = (root: SavedNode, keys: readonly string[], extra: object = {}): unknown => ({
  version: '1',
  orientation: 'horizontal',
  width: 800,
  height: 600,
  root,
  tabs: Object.fromEntries(keys.map((key) => [key, tab(key)])),
  ...extra,
});

describe('a stored dock', () => {
  it('comes back as it was', () => {
    const saved = dock(
      {
        kind: 'split',
        size: 800,
        children: [group('1', ['a', 'b'], { active: 'b' }), group('2', ['c'], { active: 'c' })],
      },
      ['a', 'b', 'c'],
      { activeGroup: '2' },
    );
    expect(readSavedDock(JSON.parse(JSON.stringify(saved)))).toEqual(saved);
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['another version', dock(group('1', ['a']), ['a'], { version: '2' })],
    ['no tabs', dock(group('1', []), [])],
    ['tabs that are not described', dock(group('1', ['x', 'y']), [])],
    ['a size that is no number', dock({ ...group('1', ['a']), size: 'wide' } as never, ['a'])],
    ['an endless tree', endless(40)],
  ])('refuses %s', (_name, saved) => {
    expect(readSavedDock(saved)).toBeUndefined();
  });

  it('drops what belongs to nothing and keeps the rest', () => {
    const read = readSavedDock(
      dock(
        {
          kind: 'split',
          size: 800,
          children: [
            group('1', ['a', 'gone', 'a'], { active: 'gone' }),
            group('2', ['a']),
            group('1', ['b']),
            { kind: 'split', size: 100, children: [group('3', ['c'])] },
          ],
        },
        ['a', 'b', 'c', 'orphan'],
        { activeGroup: '2' },
      ),
    ) as SavedDock;
    expect(read.root).toEqual({
      kind: 'split',
      size: 800,
      children: [group('1', ['a'], { active: 'a' }), group('3', ['c'], { active: 'c' })],
    });
    expect(Object.keys(read.tabs)).toEqual(['a', 'c']);
    expect(read.activeGroup).toBeUndefined();
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        readSavedDock(value);
      }),
    );
  });
});

function endless(depth: number): unknown {
  let node: SavedNode = group('1', ['a']);
  for (let level = 0; level < depth; level++) node = { kind: 'split', size: 1, children: [node] };
  return dock(node, ['a']);
}
