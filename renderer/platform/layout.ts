import type { Event } from '../../core/base/event.ts';

/** Parts of the window, in the order of F6. */
export const PARTS = [
  'titleBar',
  'activityBar',
  'primary',
  'editor',
  'secondary',
  'panel',
  'statusBar',
] as const;

/** A part of the window. */
export type Part = (typeof PARTS)[number];

/** Parts that can be hidden. */
export type HideablePart = 'activityBar' | 'primary' | 'secondary' | 'panel' | 'statusBar';

/** Showing and hiding parts, and moving the focus between them; the workbench implements it. */
export interface LayoutService {
  isVisible(part: Part): boolean;
  setVisible(part: HideablePart, visible: boolean): void;
  focus(part: Part): void;
  focusNext(direction: 1 | -1): void;
  /** Puts the layout back to the default one. */
  reset(): void;
  readonly onDidChange: Event<void>;
}
