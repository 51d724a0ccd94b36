import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseInline, parseMarkdown, plainText, type Block, type Inline } from './markdown.ts';

const text = (value: string): Inline => ({ kind: 'text', text: value });

describe('inline markup', () => {
  it.each<readonly [string, readonly Inline[]]>([
    ['plain', [text('plain')]],
    [
      '**b** and *i*',
      [{ kind: 'bold', children: [text('b')] }, text(' and '), { kind: 'italic', children: [text('i')] }],
    ],
    ['~~gone~~', [{ kind: 'strike', children: [text('gone')] }]],
    ['`a * b`', [{ kind: 'code', text: 'a * b' }]],
    ['snake_case_name', [text('snake_case_name')]],
    ['2 * 3 * 4', [text('2 * 3 * 4')]],
    ['**open', [text('**open')]],
    ['\\*not italic\\*', [text('*not italic*')]],
    [
      '**a *b* c**',
      [{ kind: 'bold', children: [text('a '), { kind: 'italic', children: [text('b')] }, text(' c')] }],
    ],
    [
      'see https://a.example/x.',
      [text('see '), { kind: 'link', url: 'https://a.example/x', text: 'https://a.example/x' }, text('.')],
    ],
    [
      '(https://a.example/(x))',
      [text('('), { kind: 'link', url: 'https://a.example/(x)', text: 'https://a.example/(x)' }, text(')')],
    ],
    ['javascript:alert(1)', [text('javascript:alert(1)')]],
    ['<img src=x onerror=y>', [text('<img src=x onerror=y>')]],
  ])('%s', (source, expected) => {
    expect(parseInline(source)).toEqual(expected);
  });
});

describe('blocks', () => {
  it('keeps code blocks as they are', () => {
    expect(parseMarkdown('a\n```ts\n**x**\n\ny\n```\nb')).toEqual([
      { kind: 'paragraph', children: [text('a')] },
      { kind: 'codeBlock', language: 'ts', text: '**x**\n\ny' },
      { kind: 'paragraph', children: [text('b')] },
    ]);
  });

  it('takes a fence without an end for text', () => {
    expect(parseMarkdown('```\nx')).toEqual([{ kind: 'paragraph', children: [text('```\nx')] }]);
  });

  it('separates paragraphs and quotes', () => {
    expect(parseMarkdown('> q\nline\n\nnext').map((block) => block.kind)).toEqual([
      'quote',
      'paragraph',
      'paragraph',
    ]);
  });
});

const hostile = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      '*',
      '**',
      '_',
      '__',
      '~~',
      '`',
      '```\n',
      '\\',
      '> ',
      '\n',
      ' ',
      'https://',
      'mailto:',
      '(',
      ')',
      '<b>',
    ),
    fc.string({ minLength: 1, maxLength: 3 }),
  ),
  maxLength: 200,
});

describe('any input', () => {
  it('loses only markup and line breaks', () => {
    fc.assert(
      fc.property(hostile, (source) => {
        const keep = (value: string): string => value.replace(/[*_~`\\>\s]/g, '');
        const without = keep(source.replace(/\r\n?/g, '\n'));
        const languages = parseMarkdown(source)
          .filter((block): block is Extract<Block, { kind: 'codeBlock' }> => block.kind === 'codeBlock')
          .map((block) => block.language);
        const shown = keep(plainText(parseMarkdown(source)));
        expect(shown.length + keep(languages.join('')).length).toBe(without.length);
      }),
      { numRuns: 2000 },
    );
  });

  it('links only to addresses that a browser may open', () => {
    const links = (nodes: readonly Inline[]): readonly string[] =>
      nodes.flatMap((node) =>
        'children' in node ? links(node.children) : node.kind === 'link' ? [node.url] : [],
      );
    fc.assert(
      fc.property(hostile, (source) => {
        for (const url of links(parseInline(source))) expect(url).toMatch(/^(https?:\/\/|mailto:)/);
      }),
    );
  });

  it('takes no more than a moment for the worst that fits into a message', () => {
    for (const unit of ['*', '_a', '**a ', '`', '> ', '```\n', 'https://', '*a_b~~', '[](', ')', '\\'])
      expect(
        plainText(parseMarkdown(unit.repeat(Math.floor(16_000 / unit.length)))).length,
      ).toBeGreaterThanOrEqual(0);
  }, 5_000);
});
