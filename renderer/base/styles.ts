import { css } from 'lit';

/** Rules every element of the shell starts with. */
export const baseStyles = css`
  :host {
    box-sizing: border-box;
    color: inherit;
  }
  :host([hidden]) {
    display: none !important;
  }
  [hidden] {
    display: none !important;
  }
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  button {
    font: inherit;
    color: inherit;
    background: none;
    border: none;
    padding: 0;
    margin: 0;
    cursor: pointer;
  }
  :focus-visible {
    outline: 1px solid var(--vscode-focusBorder);
    outline-offset: -1px;
  }
  :focus:not(:focus-visible) {
    outline: none;
  }
  .ellipsis {
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
    min-width: 0;
  }
  .visually-hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  * {
    scrollbar-width: thin;
    scrollbar-color: var(--vscode-scrollbarSlider-background) transparent;
  }
  @media (prefers-reduced-motion: reduce) {
    *,
    *::before,
    *::after {
      animation: none !important;
      transition: none !important;
    }
  }
`;

/** A square button that shows only an icon. */
export const iconButtonStyles = css`
  .icon-button {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    width: 22px;
    height: 22px;
    border-radius: 5px;
    flex: none;
    color: var(--vscode-icon-foreground);
  }
  .icon-button:hover {
    background: var(--vscode-toolbar-hoverBackground);
  }
  .icon-button[aria-disabled='true'] {
    opacity: 0.4;
    cursor: default;
  }
`;

/** Main and secondary text buttons. */
export const textButtonStyles = css`
  .text-button {
    min-height: 26px;
    padding: 0 12px;
    border-radius: 2px;
    border: 1px solid var(--vscode-button-border, transparent);
    background: var(--vscode-button-secondaryBackground);
    color: var(--vscode-button-secondaryForeground);
    white-space: nowrap;
    overflow: hidden;
    text-overflow: ellipsis;
  }
  .text-button:hover {
    background: var(--vscode-button-secondaryHoverBackground);
  }
  .text-button.primary {
    background: var(--vscode-button-background);
    color: var(--vscode-button-foreground);
  }
  .text-button.primary:hover {
    background: var(--vscode-button-hoverBackground);
  }
  .text-button:focus-visible {
    outline-offset: 2px;
  }
`;
