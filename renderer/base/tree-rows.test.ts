import { describe, expect, it } from 'vitest';
import type { TreeItem } from '../../extensions/api/conclave.d.ts';
import { listIndexAfterKey } from './focus.ts';
import { flattenTree, typeAhead, visibleRange, type TreeSource } from './tree-rows.ts';

type Node = { readonly id: string; readonly children?: readonly Node[] };
const tree: readonly Node[] = [
  { id: 'Harbour', children: [{ id: 'Lobby' }, { id: 'Deck', children: [{ id: 'Cleo' }] }] },
  { id: 'Lighthouse' },
];
const source: TreeSource<Node> = {
  getChildren: (node) => (node ? (node.children ?? []) : tree),
  getItem: (node): TreeItem => ({
    id: node.id,
    label: node.id,
    ...(node.children ? { collapsible: 'collapsed' as const } : {}),
  }),
};

describe('tree rows', () => {
  it('holds the open part with levels and positions', () => {
    const rows = flattenTree(source, (item) => item.id === 'Harbour');
    expect(
      rows.map(({ item, depth, expanded, parent, position, setSize }) => [
        item.id,
        depth,
        expanded,
        parent,
        position,
        setSize,
      ]),
    ).toEqual([
      ['Harbour', 0, true, -1, 1, 2],
      ['Lobby', 1, undefined, 0, 1, 2],
      ['Deck', 1, false, 0, 2, 2],
      ['Lighthouse', 0, undefined, -1, 2, 2],
    ]);
  });

  it('survives a tree that contains itself', () => {
    const loop: TreeSource<number> = {
      getChildren: () => [1],
      getItem: (node) => ({ id: String(node), label: 'again', collapsible: 'expanded' }),
    };
    expect(flattenTree(loop, () => true).length).toBe(65);
  });

  it.each([
    [0, 100, 10_000, { start: 0, end: 13 }],
    [2200, 220, 10_000, { start: 92, end: 118 }],
    [219_900, 220, 10_000, { start: 9987, end: 10_000 }],
    [5000, 220, 3, { start: 3, end: 3 }],
    [0, 0, 0, { start: 0, end: 0 }],
  ])('keeps only rows in sight at %i', (scroll, height, count, range) => {
    expect(visibleRange(scroll, height, 22, count)).toEqual(range);
  });

  it('finds rows by their first letters', () => {
    const rows = flattenTree(source, () => true);
    expect([
      typeAhead(rows, 0, 'l'),
      typeAhead(rows, 1, 'l'),
      typeAhead(rows, 1, 'lo'),
      typeAhead(rows, 4, 'd'),
      typeAhead(rows, 0, 'x'),
      typeAhead([], 0, 'x'),
    ]).toEqual([1, 4, 1, 2, undefined, undefined]);
  });
});

describe('moving in a list', () => {
  it.each([
    ['ArrowDown', 0, { orientation: 'vertical' }, 1],
    ['ArrowDown', 4, { orientation: 'vertical' }, 4],
    ['ArrowDown', 4, { orientation: 'vertical', wrap: true }, 0],
    ['ArrowUp', 0, { orientation: 'vertical', wrap: true }, 4],
    ['ArrowUp', -1, { orientation: 'vertical' }, 4],
    ['ArrowRight', 1, { orientation: 'horizontal' }, 2],
    ['ArrowDown', 1, { orientation: 'horizontal' }, undefined],
    ['Home', 3, { orientation: 'vertical' }, 0],
    ['End', 0, { orientation: 'horizontal' }, 4],
    ['PageDown', 0, { orientation: 'vertical', page: 3 }, 3],
    ['PageUp', 1, { orientation: 'vertical', page: 3 }, 0],
    ['x', 1, { orientation: 'vertical' }, undefined],
  ] as const)('%s from %i', (keyName, index, options, expected) => {
    expect(listIndexAfterKey(keyName, index, 5, options)).toBe(expected);
  });
});
