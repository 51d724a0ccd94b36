import type { Page } from 'playwright';

/**
 * Looks for what a person would call broken: parts that overlap or leave the window, sideways scrolling, and
 * controls that are cut off. Runs in the page, through all shadow roots.
 */
const CHECK = `(() => {
  const problems = [];
  const width = innerWidth, height = innerHeight;
  const root = document.scrollingElement;
  if (root.scrollWidth > width || root.scrollHeight > height) problems.push('the page itself scrolls');
  const all = [];
  const collect = (node) => {
    for (const element of node.querySelectorAll('*')) {
      all.push(element);
      if (element.shadowRoot) collect(element.shadowRoot);
    }
  };
  collect(document);
  const parentOf = (element) => element.assignedSlot ?? element.parentElement ?? element.getRootNode().host ?? null;
  const shown = (element) => {
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) return false;
    const box = element.getBoundingClientRect();
    return box.width > 1 && box.height > 1;
  };
  const nameOf = (element) =>
    (element.localName + ' ' + (element.getAttribute('aria-label') ?? element.textContent ?? '').trim().replace(/\\s+/g, ' ')).slice(0, 60);

  const parts = all.filter((element) => element.dataset?.part && shown(element));
  for (const [index, part] of parts.entries()) {
    const box = part.getBoundingClientRect();
    if (box.left < -1 || box.top < -1 || box.right > width + 1 || box.bottom > height + 1)
      problems.push('part ' + part.dataset.part + ' leaves the window');
    for (const other of parts.slice(index + 1)) {
      const second = other.getBoundingClientRect();
      const across = Math.min(box.right, second.right) - Math.max(box.left, second.left);
      const down = Math.min(box.bottom, second.bottom) - Math.max(box.top, second.top);
      if (across > 1 && down > 1) problems.push('part ' + part.dataset.part + ' overlaps ' + other.dataset.part);
    }
  }
  const wanted = 'button, input, select, textarea, h1, h2, h3, [role=treeitem], [role=tab], [role=option], [role=alert], p, li';
  for (const element of all) {
    if (!element.matches(wanted) || !shown(element)) continue;
    const style = getComputedStyle(element);
    if (style.clipPath !== 'none') continue;
    const box = element.getBoundingClientRect();
    let scrollsDown = false, hidden = false;
    for (let at = parentOf(element); at instanceof Element; at = parentOf(at)) {
      const around = getComputedStyle(at);
      if (around.clipPath !== 'none') hidden = true;
      if (around.display === 'contents' || around.overflowX === 'visible') continue;
      const clip = at.getBoundingClientRect();
      if (around.overflowY === 'auto' || around.overflowY === 'scroll') scrollsDown = true;
      // What is scrolled out of sight, up or down, is not cut off.
      if (scrollsDown && (box.bottom <= clip.top + 1 || box.top >= clip.bottom - 1)) hidden = true;
      if (hidden) break;
      if (box.left < clip.left - 1 || box.right > clip.right + 1)
        problems.push(nameOf(element) + ' is cut off sideways by ' + at.localName + '.' + at.className);
      else if (!scrollsDown && (box.top < clip.top - 1 || box.bottom > clip.bottom + 1))
        problems.push(nameOf(element) + ' is cut off by ' + at.localName + '.' + at.className);
    }
    if (hidden) continue;
    if (box.left < -1 || box.right > width + 1) problems.push(nameOf(element) + ' leaves the window');
    if (!scrollsDown && (box.top < -1 || box.bottom > height + 1)) problems.push(nameOf(element) + ' leaves the window');
    if (element.matches('button') && style.textOverflow !== 'ellipsis' && element.scrollWidth > element.clientWidth + 1)
      problems.push(nameOf(element) + ' has more text than room');
  }
  for (const element of all) {
    const style = getComputedStyle(element);
    const mayScroll = style.overflowX === 'auto' || style.overflowX === 'scroll';
    if (mayScroll && shown(element) && element.localName !== 'pre' && element.scrollWidth > element.clientWidth + 1)
      problems.push(nameOf(element) + ' scrolls sideways');
  }
  return problems;
})()`;

/** Everything that is wrong with the layout as it is now; empty when all is well. */
export async function layoutProblems(page: Page): Promise<readonly string[]> {
  return (await page.evaluate(CHECK)) as readonly string[];
}
