import type { TreeItem } from '../../extensions/api/conclave.d.ts';

/** Where rows come from. */
export interface TreeSource<T> {
  getChildren(node: T | undefined): readonly T[];
  getItem(node: T): TreeItem;
}

/** A visible row. */
export interface TreeRow<T> {
  readonly node: T;
  readonly item: TreeItem;
  /** 0 for the top level. */
  readonly depth: number;
  /** Undefined for rows that cannot be opened. */
  readonly expanded: boolean | undefined;
  /** Index of the parent's row; -1 for the top level. */
  readonly parent: number;
  /** Number of rows on this level and position among them, from 1, for screen readers. */
  readonly setSize: number;
  readonly position: number;
}

const MAX_DEPTH = 64;

/** Flattens the open part of a tree, top to bottom. Deeper levels than 64 are left out. */
export function flattenTree<T>(
  source: TreeSource<T>,
  isExpanded: (item: TreeItem) => boolean,
): readonly TreeRow<T>[] {
  const rows: TreeRow<T>[] = [];
  const visit = (node: T | undefined, depth: number, parent: number): void => {
    if (depth > MAX_DEPTH) return;
    const children = source.getChildren(node);
    children.forEach((child, index) => {
      const item = source.getItem(child);
      const expanded = item.collapsible === undefined ? undefined : isExpanded(item);
      const row = rows.length;
      rows.push({
        node: child,
        item,
        depth,
        expanded,
        parent,
        setSize: children.length,
        position: index + 1,
      });
      if (expanded) visit(child, depth + 1, row);
    });
  };
  visit(undefined, 0, -1);
  return rows;
}

/** The rows that must be in the document for a scroll position, with some around them. */
export function visibleRange(
  scrollTop: number,
  height: number,
  rowHeight: number,
  count: number,
  overscan = 8,
): { readonly start: number; readonly end: number } {
  const start = Math.max(0, Math.floor(scrollTop / rowHeight) - overscan);
  const end = Math.min(count, Math.ceil((scrollTop + height) / rowHeight) + overscan);
  return { start: Math.min(start, end), end };
}

/**
 * The next row whose label begins with the typed letters, from the one after `from` and around. While letters
 * are added to a prefix the search starts at `from` itself, so that typing "ab" does not skip "abc".
 */
export function typeAhead<T>(rows: readonly TreeRow<T>[], from: number, typed: string): number | undefined {
  const wanted = typed.toLocaleLowerCase();
  if (wanted === '') return undefined;
  const start = wanted.length > 1 ? from : from + 1;
  for (let step = 0; step < rows.length; step++) {
    const index = (Math.max(start, 0) + step) % rows.length;
    if ((rows[index] as TreeRow<T>).item.label.toLocaleLowerCase().startsWith(wanted)) return index;
  }
  return undefined;
}
