/** A version of three numbers; pre-release tags are not supported, since nothing here is published with one. */
export interface Version {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

const VERSION = /^(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})$/;
const RANGE = /^\^(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})(?:\.(0|[1-9][0-9]{0,5}))?$/;

/** Parses `1.2.3`; undefined when malformed. */
export function parseVersion(text: string): Version | undefined {
  const match = VERSION.exec(text);
  return match ? { major: Number(match[1]), minor: Number(match[2]), patch: Number(match[3]) } : undefined;
}

/** Whether text is a range this program understands: `^1.2` or `^1.2.3`. */
export function isVersionRange(text: string): boolean {
  return RANGE.test(text);
}

/**
 * Whether a version lies in a caret range: at least the given one, and the leftmost number that is not zero
 * stays the same (semver 2.0.0 §4: anything may change between 0.x versions).
 */
export function satisfiesRange(version: string, range: string): boolean {
  const actual = parseVersion(version);
  const match = RANGE.exec(range);
  if (!actual || !match) return false;
  const wanted: Version = {
    major: Number(match[1]),
    minor: Number(match[2]),
    patch: Number(match[3] ?? '0'),
  };
  if (compareVersions(actual, wanted) < 0) return false;
  if (actual.major !== wanted.major) return false;
  if (wanted.major > 0) return true;
  if (actual.minor !== wanted.minor) return false;
  // `^0.0` allows every patch, `^0.0.3` only that one.
  return wanted.minor > 0 || match[3] === undefined || actual.patch === wanted.patch;
}

function compareVersions(a: Version, b: Version): number {
  return a.major - b.major || a.minor - b.minor || a.patch - b.patch;
}
