let regions: { readonly polite: HTMLElement; readonly assertive: HTMLElement } | undefined;

function region(politeness: 'polite' | 'assertive'): HTMLElement {
  const element = document.createElement('div');
  element.setAttribute('aria-live', politeness);
  element.setAttribute('role', politeness === 'polite' ? 'status' : 'alert');
  element.className = 'conclave-live-region';
  document.body.append(element);
  return element;
}

/** Says something to people who use a screen reader. */
export function announce(message: string, politeness: 'polite' | 'assertive' = 'polite'): void {
  regions ??= { polite: region('polite'), assertive: region('assertive') };
  const target = regions[politeness];
  // The same text twice is only spoken again when the node changes.
  target.textContent = target.textContent === message ? `${message} ` : message;
}
