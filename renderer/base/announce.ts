let regions: { readonly polite: HTMLElement; readonly assertive: HTMLElement } | undefined;

/** Older announcements have been read out long since. */
const KEPT = 5;

function region(politeness: 'polite' | 'assertive'): HTMLElement {
  const element = document.createElement('div');
  element.setAttribute('aria-live', politeness);
  element.setAttribute('role', politeness === 'polite' ? 'status' : 'alert');
  // These roles are atomic by default (WAI-ARIA 1.2): everything would be read out again with each addition.
  element.setAttribute('aria-atomic', 'false');
  element.className = 'conclave-live-region';
  document.body.append(element);
  return element;
}

/**
 * Says something to people who use a screen reader. Each announcement is a node of its own, so that two in a
 * row are both spoken, also when they say the same.
 */
export function announce(message: string, politeness: 'polite' | 'assertive' = 'polite'): void {
  regions ??= { polite: region('polite'), assertive: region('assertive') };
  const target = regions[politeness];
  const line = document.createElement('div');
  line.textContent = message;
  target.append(line);
  while (target.childElementCount > KEPT) target.firstElementChild?.remove();
}
