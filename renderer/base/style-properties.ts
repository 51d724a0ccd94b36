import { nothing } from 'lit';
import { Directive, directive, PartType, type ElementPart, type PartInfo } from 'lit/directive.js';

/**
 * `<div ${styleProperties({ height: '22px' })}>`: sets styles through CSSOM. lit's own `styleMap` writes the
 * style attribute on first render, which the policy `style-src 'self'` refuses.
 */
class StylePropertiesDirective extends Directive {
  #previous: readonly string[] = [];

  constructor(part: PartInfo) {
    super(part);
    if (part.type !== PartType.ELEMENT) throw new Error('styleProperties stands in the tag itself');
  }

  render(_properties: Readonly<Record<string, string>>): unknown {
    return nothing;
  }

  override update(part: ElementPart, [properties]: [Readonly<Record<string, string>>]): unknown {
    const { style } = part.element as HTMLElement;
    for (const name of this.#previous) if (!Object.hasOwn(properties, name)) style.removeProperty(name);
    for (const [name, value] of Object.entries(properties))
      if (style.getPropertyValue(name) !== value) style.setProperty(name, value);
    this.#previous = Object.keys(properties);
    return nothing;
  }
}

/** Sets CSS properties (by their CSS names) on the element it stands in. */
export const styleProperties = directive(StylePropertiesDirective);
