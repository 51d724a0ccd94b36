import { html, nothing, type TemplateResult } from 'lit';
import { parseMarkdown, type Block, type Inline } from './markdown.ts';
import { strings } from './strings.ts';

/** What the parts of a message can do. */
export interface MessageActions {
  openLink(url: string): void;
  copy(text: string): void;
}

const parsed = new Map<string, readonly Block[]>();
const MAX_PARSED = 2000;

/** Parsing costs more than drawing, and the same messages are drawn again and again. */
function blocksOf(text: string): readonly Block[] {
  let blocks = parsed.get(text);
  if (!blocks) {
    blocks = parseMarkdown(text);
    if (parsed.size >= MAX_PARSED) parsed.delete(parsed.keys().next().value as string);
    parsed.set(text, blocks);
  }
  return blocks;
}

/** Draws a message node by node: text becomes text nodes, never HTML. */
export function renderBody(text: string, actions: MessageActions): readonly TemplateResult[] {
  return blocksOf(text).map((block) => renderBlock(block, actions));
}

function renderBlock(block: Block, actions: MessageActions): TemplateResult {
  switch (block.kind) {
    case 'paragraph':
      return html`<p>${renderInline(block.children, actions)}</p>`;
    case 'quote':
      return html`<blockquote>${renderInline(block.children, actions)}</blockquote>`;
    case 'codeBlock':
      return html`<figure class="code">
        <button class="copy" type="button" @click=${() => actions.copy(block.text)}>
          ${strings.copyCode}
        </button>
        <pre
          tabindex="0"
          data-language=${block.language === '' ? nothing : block.language}
        ><code>${block.text}</code></pre>
      </figure>`;
  }
}

function renderInline(
  nodes: readonly Inline[],
  actions: MessageActions,
): readonly (string | TemplateResult)[] {
  return nodes.map((node) => renderNode(node, actions));
}

function renderNode(node: Inline, actions: MessageActions): string | TemplateResult {
  switch (node.kind) {
    case 'text':
      return node.text;
    case 'code':
      return html`<code>${node.text}</code>`;
    case 'bold':
      return html`<strong>${renderInline(node.children, actions)}</strong>`;
    case 'italic':
      return html`<em>${renderInline(node.children, actions)}</em>`;
    case 'strike':
      return html`<s>${renderInline(node.children, actions)}</s>`;
    case 'link': {
      // The browser never follows the address itself: leaving the program is asked first.
      const open = (event: globalThis.Event): void => {
        event.preventDefault();
        actions.openLink(node.url);
      };
      return html`<a href=${node.url} rel="noopener noreferrer" @click=${open} @auxclick=${open}
        >${node.text}</a
      >`;
    }
  }
}
