/** How well a text matches a query, and where. */
export interface FuzzyMatch {
  /** Higher is better; only comparable for the same query. */
  readonly score: number;
  /** Matched character positions of the text, ascending, for highlighting. */
  readonly positions: readonly number[];
}

const MAX_QUERY = 128;
const MAX_TEXT = 512;

/**
 * Scores how well the letters of `query` appear in `text`, in order, ignoring case. Dynamic programming over
 * (query, text), as in the Smith-Waterman family: consecutive letters, starts of words and camel humps
 * score more; gaps cost nothing by themselves but lose the bonus. Spaces in the query separate words that
 * must all match, each on its own.
 * @returns undefined when some letter is missing.
 */
export function fuzzyMatch(query: string, text: string): FuzzyMatch | undefined {
  const words = query.slice(0, MAX_QUERY).trim().split(/\s+/).filter(Boolean);
  if (words.length === 0) return { score: 0, positions: [] };
  const whole = words.length > 1 ? matchWord(words.join(' '), text) : undefined;
  let score = 0;
  const positions = new Set<number>();
  for (const word of words) {
    const match = matchWord(word, text);
    if (!match) return undefined;
    score += match.score;
    for (const position of match.positions) positions.add(position);
  }
  // The words in this very order, separated by spaces, are the better reading of the query.
  if (whole && whole.score > score) return whole;
  return { score, positions: [...positions].sort((a, b) => a - b) };
}

function matchWord(query: string, fullText: string): FuzzyMatch | undefined {
  const text = fullText.slice(0, MAX_TEXT);
  const needle = query.toLowerCase();
  const hay = text.toLowerCase();
  // Lower case may change the length of unusual letters; positions would be wrong then.
  if (hay.length !== text.length || needle.length > hay.length) return undefined;
  const columns = hay.length;
  const scores = new Int32Array((needle.length + 1) * (columns + 1));
  const runs = new Int32Array((needle.length + 1) * (columns + 1));
  const at = (row: number, column: number): number => row * (columns + 1) + column;
  const impossible = -0x40000000;
  for (let row = 1; row <= needle.length; row++) {
    scores[at(row, 0)] = impossible;
    for (let column = 1; column <= columns; column++) {
      const skip = scores[at(row, column - 1)] as number;
      let take = impossible;
      if (needle[row - 1] === hay[column - 1]) {
        const before = scores[at(row - 1, column - 1)] as number;
        if (before > impossible) {
          const run = row > 1 ? (runs[at(row - 1, column - 1)] as number) : 0;
          take = before + letterScore(query, text, row - 1, column - 1, run);
        }
      }
      if (take > impossible && take >= skip) {
        scores[at(row, column)] = take;
        runs[at(row, column)] = (runs[at(row - 1, column - 1)] as number) + 1;
      } else {
        scores[at(row, column)] = skip;
        runs[at(row, column)] = 0;
      }
    }
  }
  const score = scores[at(needle.length, columns)] as number;
  if (score <= impossible) return undefined;
  const positions: number[] = [];
  let column = columns;
  for (let row = needle.length; row > 0; column--) {
    if ((runs[at(row, column)] as number) > 0) {
      positions.unshift(column - 1);
      row -= 1;
    }
  }
  // Among equal matches the shorter text is the closer one.
  return { score: score * 4 - Math.min(text.length, 64) / 16, positions };
}

function letterScore(
  query: string,
  text: string,
  queryIndex: number,
  textIndex: number,
  run: number,
): number {
  let score = 1;
  if (query[queryIndex] === text[textIndex]) score += 1;
  score += Math.min(run, 4) * 5;
  if (textIndex === 0) score += 8;
  else if (/[\s:./_\-#@]/.test(text[textIndex - 1] as string)) score += 7;
  else if (/[A-Z]/.test(text[textIndex] as string) && /[a-z]/.test(text[textIndex - 1] as string)) score += 4;
  return score;
}

/** Candidates of a quick pick. */
export interface FuzzyRanked<T> {
  readonly item: T;
  readonly label: FuzzyMatch;
  readonly detail: FuzzyMatch | undefined;
}

/**
 * Filters and sorts: matches of the label first, then matches of the description only. Equal scores keep
 * the given order, so callers put the recently used ones first.
 */
export function fuzzyRank<T>(
  query: string,
  items: readonly T[],
  textOf: (item: T) => { readonly label: string; readonly description?: string | undefined },
): readonly FuzzyRanked<T>[] {
  if (query.trim() === '')
    return items.map((item) => ({ item, label: { score: 0, positions: [] }, detail: undefined }));
  const ranked: FuzzyRanked<T>[] = [];
  for (const item of items) {
    const { label, description } = textOf(item);
    const labelMatch = fuzzyMatch(query, label);
    if (labelMatch) {
      ranked.push({ item, label: labelMatch, detail: undefined });
      continue;
    }
    const detail = description === undefined ? undefined : fuzzyMatch(query, description);
    if (detail) ranked.push({ item, label: { score: -1, positions: [] }, detail });
  }
  return ranked.sort(
    (a, b) => b.label.score - a.label.score || (b.detail?.score ?? 0) - (a.detail?.score ?? 0),
  );
}
