import codiconCss from '@vscode/codicons/dist/codicon.css' with { type: 'text' };

let characters: ReadonlyMap<string, string> | undefined;

/** The character of a codicon in its font, or undefined for an unknown name. */
export function codiconCharacter(name: string): string | undefined {
  if (!characters) {
    const found = new Map<string, string>();
    for (const match of codiconCss.matchAll(
      /\.codicon-([a-z0-9-]+):before\s*\{\s*content:\s*"\\([0-9a-f]+)"/g,
    ))
      found.set(match[1] as string, String.fromCodePoint(Number.parseInt(match[2] as string, 16)));
    characters = found;
  }
  return characters.get(name);
}

/** Loads the icon font once; both hosts serve it at `/codicon.ttf`. Rejects when it cannot be loaded. */
export async function loadCodiconFont(): Promise<void> {
  const font = new FontFace('codicon', 'url(/codicon.ttf)', { display: 'block' });
  document.fonts.add(await font.load());
}
