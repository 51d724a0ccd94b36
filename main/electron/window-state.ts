import { boolean, integer, object, parse, type Infer } from '../../core/base/schema.ts';

const stateSchema = object({
  x: integer({ min: -65_536, max: 65_536 }),
  y: integer({ min: -65_536, max: 65_536 }),
  width: integer({ min: 1, max: 65_536 }),
  height: integer({ min: 1, max: 65_536 }),
  maximized: boolean,
});

/** Where the window was. */
export type WindowState = Infer<typeof stateSchema>;

/** A rectangle on the desktop, in device independent pixels. */
export interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Smallest usable window (the layout folds at 900 by 600). */
export const MINIMUM_SIZE = { width: 640, height: 480 } as const;
const DEFAULT_SIZE = { width: 1280, height: 800 } as const;
/** Enough of the title bar to grab the window by. */
const VISIBLE_PIXELS = 100;

/** Reads a stored state; anything unusable is `undefined`. */
export function readWindowState(text: string | null): WindowState | undefined {
  if (text === null) return undefined;
  try {
    const parsed = parse(stateSchema, JSON.parse(text));
    return parsed.ok ? parsed.value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The bounds to open with: the stored ones while they can be reached on one of the displays there are now,
 * else the default size, centred by the system.
 */
export function fitWindow(
  stored: WindowState | undefined,
  displays: readonly Area[],
): { readonly width: number; readonly height: number; readonly x?: number; readonly y?: number } {
  if (!stored) return { ...DEFAULT_SIZE };
  const width = Math.max(stored.width, MINIMUM_SIZE.width);
  const height = Math.max(stored.height, MINIMUM_SIZE.height);
  const reachable = displays.some((display) => {
    const overlapX = Math.min(stored.x + width, display.x + display.width) - Math.max(stored.x, display.x);
    const titleBarInside = stored.y >= display.y && stored.y + VISIBLE_PIXELS <= display.y + display.height;
    return overlapX >= VISIBLE_PIXELS && titleBarInside;
  });
  return reachable ? { width, height, x: stored.x, y: stored.y } : { ...DEFAULT_SIZE };
}
