/**
 * The markdown of messages: bold, italic, strikethrough, code, code blocks, quotes and links. It gives a tree
 * of plain data that is drawn node by node, so there is no HTML on the way and nothing to sanitise. Every
 * character of the source that is no markup appears in the tree (property tested), nesting is bounded, and
 * the time is linear in the length but for the bounded nesting.
 */
export type Inline =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'bold' | 'italic' | 'strike'; readonly children: readonly Inline[] }
  | { readonly kind: 'link'; readonly url: string; readonly text: string };

/** One block of a message. */
export type Block =
  | { readonly kind: 'paragraph'; readonly children: readonly Inline[] }
  | { readonly kind: 'quote'; readonly children: readonly Inline[] }
  | { readonly kind: 'codeBlock'; readonly language: string; readonly text: string };

const MAX_DEPTH = 6;
const FENCE = /^```([A-Za-z0-9+#-]{0,20})\s*$/;

/** Parses a message. */
export function parseMarkdown(source: string): readonly Block[] {
  const lines = source.replace(/\r\n?/g, '\n').split('\n');
  const blocks: Block[] = [];
  let paragraph: string[] = [];
  let quote: string[] = [];
  const flush = (): void => {
    if (paragraph.length > 0) blocks.push({ kind: 'paragraph', children: parseInline(paragraph.join('\n')) });
    if (quote.length > 0) blocks.push({ kind: 'quote', children: parseInline(quote.join('\n')) });
    paragraph = [];
    quote = [];
  };
  // Looking for the end of every unclosed fence would be quadratic; one look for the last one is enough.
  let lastFence = -1;
  for (let i = lines.length - 1; i >= 0 && lastFence < 0; i--)
    if (lines[i]?.trimEnd() === '```') lastFence = i;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as string;
    const fence = FENCE.exec(line);
    if (fence && i < lastFence) {
      flush();
      let end = i + 1;
      while (lines[end]?.trimEnd() !== '```') end++;
      blocks.push({
        kind: 'codeBlock',
        language: fence[1] as string,
        text: lines.slice(i + 1, end).join('\n'),
      });
      i = end;
      continue;
    }
    if (line.startsWith('> ')) {
      if (paragraph.length > 0) flush();
      quote.push(line.slice(2));
      continue;
    }
    if (quote.length > 0) flush();
    if (line.trim() === '') flush();
    else paragraph.push(line);
  }
  flush();
  return blocks;
}

const MARKS = [
  { mark: '**', kind: 'bold' },
  { mark: '__', kind: 'bold' },
  { mark: '~~', kind: 'strike' },
  { mark: '*', kind: 'italic' },
  { mark: '_', kind: 'italic' },
] as const;

const LINK = /https?:\/\/[^\s<>"'`]{1,2000}|mailto:[^\s<>"'`@]{1,64}@[^\s<>"'`]{1,253}/iy;

/** Parses the markup inside a line or paragraph. */
export function parseInline(source: string): readonly Inline[] {
  return parseSpan(source, 0);
}

function parseSpan(source: string, depth: number): readonly Inline[] {
  const out: Inline[] = [];
  let plain = '';
  const flush = (): void => {
    if (plain !== '') out.push({ kind: 'text', text: plain });
    plain = '';
  };
  // A mark without a partner further on cannot find one later either.
  const hopeless = new Set<string>();
  let at = 0;
  while (at < source.length) {
    const char = source[at] as string;
    if (char === '\\' && /[\\`*_~>]/.test(source[at + 1] ?? '')) {
      plain += source[at + 1];
      at += 2;
      continue;
    }
    if (char === '`' && !hopeless.has('`')) {
      const end = source.indexOf('`', at + 1);
      if (end < 0) hopeless.add('`');
      else if (end > at + 1) {
        flush();
        out.push({ kind: 'code', text: source.slice(at + 1, end) });
        at = end + 1;
        continue;
      }
    }
    if ((char === 'h' || char === 'H' || char === 'm' || char === 'M') && !isWordBefore(source, at)) {
      const link = readLink(source, at);
      if (link) {
        flush();
        out.push({ kind: 'link', url: link.url, text: link.text });
        at += link.text.length;
        continue;
      }
    }
    const span = depth < MAX_DEPTH ? readMarked(source, at, hopeless) : undefined;
    if (span) {
      flush();
      out.push({ kind: span.kind, children: parseSpan(source.slice(span.start, span.end), depth + 1) });
      at = span.next;
      continue;
    }
    plain += char;
    at++;
  }
  flush();
  return out;
}

interface Marked {
  readonly kind: 'bold' | 'italic' | 'strike';
  readonly start: number;
  readonly end: number;
  readonly next: number;
}

function readMarked(source: string, at: number, hopeless: Set<string>): Marked | undefined {
  for (const { mark, kind } of MARKS) {
    if (hopeless.has(mark) || !source.startsWith(mark, at)) continue;
    const start = at + mark.length;
    if (isSpace(source[start])) continue;
    // Underscores inside words are names, not emphasis.
    if (mark[0] === '_' && isWordBefore(source, at)) continue;
    const end = findClose(source, mark, start);
    if (end === undefined) {
      hopeless.add(mark);
      continue;
    }
    return { kind, start, end, next: end + mark.length };
  }
  return undefined;
}

function findClose(source: string, mark: string, from: number): number | undefined {
  for (let end = source.indexOf(mark, from + 1); end >= 0; end = source.indexOf(mark, end + 1)) {
    if (isSpace(source[end - 1]) || source[end - 1] === '\\') continue;
    if (mark.length === 1 && (source[end + 1] === mark || source[end - 1] === mark)) continue;
    if (mark[0] === '_' && isWord(source[end + mark.length])) continue;
    return end;
  }
  return undefined;
}

function readLink(source: string, at: number): { readonly url: string; readonly text: string } | undefined {
  LINK.lastIndex = at;
  const match = LINK.exec(source);
  if (!match) return undefined;
  // A full stop or bracket after an address belongs to the sentence around it.
  let text = match[0].replace(/[.,;:!?*_~]+$/, '');
  while (text.endsWith(')') && count(text, ')') > count(text, '('))
    text = text.slice(0, -1).replace(/[.,;:!?*_~]+$/, '');
  try {
    const url = new URL(text);
    const allowed = url.protocol === 'https:' || url.protocol === 'http:' || url.protocol === 'mailto:';
    return allowed ? { url: url.href, text } : undefined;
  } catch {
    return undefined;
  }
}

function count(text: string, char: string): number {
  return text.split(char).length - 1;
}

function isSpace(char: string | undefined): boolean {
  return char === undefined || /\s/.test(char);
}

function isWord(char: string | undefined): boolean {
  return char !== undefined && /[\p{L}\p{N}]/u.test(char);
}

function isWordBefore(source: string, at: number): boolean {
  return at > 0 && isWord(source[at - 1]);
}

/** The text of a tree without markup, for screen reader announcements. */
export function plainText(blocks: readonly Block[]): string {
  return blocks
    .map((block) => (block.kind === 'codeBlock' ? block.text : inlineText(block.children)))
    .join('\n');
}

function inlineText(nodes: readonly Inline[]): string {
  return nodes.map((node) => ('children' in node ? inlineText(node.children) : node.text)).join('');
}
