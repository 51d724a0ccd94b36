import { describe, expect, it } from 'vitest';
import { createLayoutModel, DEFAULT_LAYOUT, fitSizes } from './layout-model.ts';

describe('the layout', () => {
  it.each([
    [1280, 800, { primary: 264, secondary: 272, panel: 220 }],
    [800, 600, { primary: 264, secondary: 248, panel: 206 }],
    [640, 400, { primary: 170, secondary: 200, panel: 130 }],
    [640, 300, { primary: 170, secondary: 200, panel: 96 }],
  ])('fits %i × %i', (width, height, sizes) => {
    expect(fitSizes(DEFAULT_LAYOUT, { width, height }, { primary: true, secondary: true })).toEqual(sizes);
  });

  it('folds the secondary side bar into the panel and back without forgetting either', () => {
    const model = createLayoutModel();
    model.setVisible('panel', false);
    expect([model.isVisible('secondary'), model.isVisible('panel')]).toEqual([true, false]);
    model.narrow = true;
    expect([model.isVisible('secondary'), model.isVisible('panel'), model.shownAt('secondary')]).toEqual([
      false,
      true,
      'panel',
    ]);
    model.setVisible('panel', false);
    model.narrow = false;
    expect([model.isVisible('secondary'), model.isVisible('panel')]).toEqual([true, false]);
    model.dispose();
  });

  it('keeps sizes within limits', () => {
    const model = createLayoutModel();
    model.setSize('primary', 5);
    model.setSize('panel', 1e9);
    expect([model.data.primary.size, model.data.panel.size]).toEqual([170, 800]);
    model.dispose();
  });

  it('takes back what it gave and nothing else', () => {
    const model = createLayoutModel();
    model.setVisible('statusBar', false);
    model.setActive('primary', 'rooms');
    const saved: unknown = JSON.parse(JSON.stringify(model.data));
    model.reset();
    expect(model.restore({ ...DEFAULT_LAYOUT, primary: { visible: 'yes', size: 1 } })).toBe(false);
    expect(model.restore(null)).toBe(false);
    expect(model.data).toEqual(DEFAULT_LAYOUT);
    expect(model.restore(saved)).toBe(true);
    expect(model.data).toEqual(saved);
    model.dispose();
  });
});
