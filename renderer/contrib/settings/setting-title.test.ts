import { expect, it } from 'vitest';
import { titleOfSetting } from './setting-title.ts';

it.each([
  ['workbench.colorTheme', 'Workbench: Color theme'],
  ['voice.pushToTalkKey', 'Voice: Push to talk key'],
  ['plain', 'Plain'],
])('%s reads as %s', (key, title) => {
  expect(titleOfSetting(key)).toBe(title);
});
