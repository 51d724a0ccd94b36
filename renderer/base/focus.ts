const FOCUSABLE =
  'a[href], button, input, select, textarea, [tabindex], [contenteditable="true"], summary, audio[controls]';

/** The element that really has the focus, through shadow roots. */
export function deepActiveElement(root: DocumentOrShadowRoot = document): Element | null {
  let active = root.activeElement;
  while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
  return active;
}

/** The ancestors of a node through slots and shadow roots, the node itself first. */
export function* composedAncestors(node: Node | null): Generator<Node> {
  let current: Node | null = node;
  while (current) {
    yield current;
    if (current instanceof Element && current.assignedSlot) current = current.assignedSlot;
    else if (current.parentNode) current = current.parentNode;
    else current = current instanceof ShadowRoot ? current.host : null;
  }
}

/** Whether `node` is inside `container`, through shadow roots. */
export function composedContains(container: Node, node: Node | null): boolean {
  for (const ancestor of composedAncestors(node)) if (ancestor === container) return true;
  return false;
}

/** The first element inside that can take the focus, through shadow roots and slots. */
export function firstFocusable(root: Node): HTMLElement | undefined {
  const children =
    root instanceof HTMLSlotElement && root.assignedElements().length > 0
      ? root.assignedElements()
      : root instanceof Element && root.shadowRoot
        ? [...root.shadowRoot.children]
        : 'children' in root
          ? [...(root as ParentNode).children]
          : [];
  for (const child of children) {
    if (!(child instanceof HTMLElement) && !(child instanceof SVGElement)) continue;
    if (child instanceof HTMLElement) {
      if (child.hidden || child.inert || child.getClientRects().length === 0) {
        if (getComputedStyle(child).display !== 'contents' && !(child instanceof HTMLSlotElement)) continue;
      }
      if (child.matches(FOCUSABLE) && child.tabIndex >= 0 && !child.hasAttribute('disabled')) return child;
    }
    const inside = firstFocusable(child);
    if (inside) return inside;
  }
  return undefined;
}

/** The next index for an arrow, Home or End key in a list of `count`; undefined for other keys. */
export function listIndexAfterKey(
  key: string,
  index: number,
  count: number,
  options: {
    readonly orientation: 'vertical' | 'horizontal';
    readonly wrap?: boolean;
    readonly page?: number;
  },
): number | undefined {
  if (count === 0) return undefined;
  const { orientation, wrap = false, page = 10 } = options;
  const clamp = (next: number): number =>
    wrap ? (next + count) % count : Math.min(Math.max(next, 0), count - 1);
  switch (key) {
    case orientation === 'vertical' ? 'ArrowDown' : 'ArrowRight':
      return clamp(index + 1);
    case orientation === 'vertical' ? 'ArrowUp' : 'ArrowLeft':
      return clamp(index < 0 ? count - 1 : index - 1);
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    case 'PageDown':
      return Math.min(index + page, count - 1);
    case 'PageUp':
      return Math.max(index - page, 0);
    default:
      return undefined;
  }
}
