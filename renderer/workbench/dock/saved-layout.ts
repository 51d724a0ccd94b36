import {
  array,
  number,
  object,
  oneOf,
  optional,
  parse,
  record,
  string,
  type Infer,
  type Schema,
} from '../../../core/base/schema.ts';

/**
 * The stored form of the dock: our own, checked before the library sees it. dockview accepts a damaged layout
 * and silently loses panels, so everything it assumes is checked here: every tab of a group exists, no tab is
 * in two groups, group ids are unique.
 */
const id = string({ min: 1, max: 4000 });
const tabSchema = object({
  viewId: string({ min: 1, max: 128 }),
  key: string({ max: 400 }),
  title: string({ max: 200 }),
});
const groupSchema = object({
  kind: oneOf(['group']),
  id,
  tabs: array(id, { max: 200 }),
  active: optional(id),
  size: number({ min: 0, max: 100_000 }),
});

/** A group of tabs. */
export type SavedGroup = Infer<typeof groupSchema>;
/** A row or column of groups and further splits. */
export interface SavedSplit {
  readonly kind: 'split';
  readonly children: readonly SavedNode[];
  readonly size: number;
}
/** A node of the grid. */
export type SavedNode = SavedGroup | SavedSplit;

const MAX_DEPTH = 12;

function nodeSchema(depth: number): Schema<SavedNode> {
  return {
    check(value, path) {
      const kind =
        typeof value === 'object' && value !== null ? (value as { readonly kind?: unknown }).kind : undefined;
      if (kind !== 'split' || depth >= MAX_DEPTH) return groupSchema.check(value, path);
      return object({
        kind: oneOf(['split']),
        children: array(nodeSchema(depth + 1), { max: 50 }),
        size: number({ min: 0, max: 100_000 }),
      }).check(value, path);
    },
  };
}

const savedSchema = object({
  version: oneOf(['1']),
  orientation: oneOf(['horizontal', 'vertical']),
  width: number({ min: 0, max: 100_000 }),
  height: number({ min: 0, max: 100_000 }),
  root: nodeSchema(0),
  tabs: record(tabSchema, { max: 500 }),
  activeGroup: optional(id),
});

/** A stored dock. */
export type SavedDock = Infer<typeof savedSchema>;

/**
 * Checks and tidies: drops tabs nobody holds, tabs held twice, empty groups and splits of one.
 * @returns undefined when the data is no layout at all or holds no tab.
 */
export function readSavedDock(value: unknown): SavedDock | undefined {
  const parsed = parse(savedSchema, value);
  if (!parsed.ok) return undefined;
  const saved = parsed.value;
  const seenTabs = new Set<string>();
  const seenGroups = new Set<string>();
  const tidy = (node: SavedNode): SavedNode | undefined => {
    if (node.kind === 'group') {
      if (seenGroups.has(node.id)) return undefined;
      const tabs = node.tabs.filter((tab) => Object.hasOwn(saved.tabs, tab) && !seenTabs.has(tab));
      // Within one group a tab may be listed twice, too.
      const unique = [...new Set(tabs)];
      if (unique.length === 0) return undefined;
      seenGroups.add(node.id);
      for (const tab of unique) seenTabs.add(tab);
      const active = node.active !== undefined && unique.includes(node.active) ? node.active : unique[0];
      return { ...node, tabs: unique, ...(active === undefined ? {} : { active }) };
    }
    const children = node.children.flatMap((child) => {
      const kept = tidy(child);
      return kept ? [kept] : [];
    });
    if (children.length === 0) return undefined;
    // The direction of a split alternates with its depth, so a split of one may only be replaced by a group.
    const only = children[0];
    if (children.length === 1 && only?.kind === 'group') return { ...only, size: node.size };
    return { ...node, children };
  };
  const root = tidy(saved.root);
  if (!root) return undefined;
  const tabs = Object.fromEntries(Object.entries(saved.tabs).filter(([tab]) => seenTabs.has(tab)));
  const { activeGroup, ...rest } = saved;
  return {
    ...rest,
    root,
    tabs,
    ...(activeGroup !== undefined && seenGroups.has(activeGroup) ? { activeGroup } : {}),
  };
}
