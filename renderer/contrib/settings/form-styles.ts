import { css } from 'lit';

/** What the three pages share. */
export const formStyles = css`
  :host {
    display: flex;
    flex-direction: column;
    height: 100%;
    min-height: 0;
    user-select: text;
  }
  .top {
    flex: none;
    display: flex;
    flex-wrap: wrap;
    gap: 8px;
    align-items: center;
    padding: 12px 24px;
    max-width: 900px;
    width: 100%;
  }
  .top input {
    flex: 1 1 200px;
  }
  .scroll {
    flex: 1 1 auto;
    min-height: 0;
    overflow-y: auto;
    padding: 0 24px 24px;
  }
  .inner {
    max-width: 852px;
  }
  input:not([type='checkbox']),
  select,
  textarea {
    font: inherit;
    min-height: 26px;
    padding: 2px 8px;
    color: var(--vscode-settings-textInputForeground);
    background: var(--vscode-settings-textInputBackground);
    border: 1px solid var(--vscode-settings-textInputBorder);
    border-radius: 2px;
    min-width: 0;
  }
  input::placeholder {
    color: var(--vscode-input-placeholderForeground);
    opacity: 1;
  }
  input[type='checkbox'] {
    width: 16px;
    height: 16px;
    margin: 2px 0 0;
    accent-color: var(--vscode-focusBorder);
    flex: none;
  }
  .quiet {
    color: var(--vscode-descriptionForeground);
  }
  .problem {
    margin-top: 4px;
    padding: 4px 8px;
    background: var(--vscode-inputValidation-errorBackground);
    color: var(--vscode-inputValidation-errorForeground);
    border: 1px solid var(--vscode-inputValidation-errorBorder);
  }
`;
