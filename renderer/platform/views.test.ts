import { describe, expect, it } from 'vitest';
import { createViewModel, createViewRegistry } from './views.ts';

function fixture() {
  const registry = createViewRegistry();
  let connected = false;
  const registrations = [
    registry.registerContainer({ id: 'rooms', title: 'Rooms', icon: 'x', location: 'primary', order: 1 }),
    registry.registerContainer({ id: 'call', title: 'Call', icon: 'x', location: 'secondary', order: 2 }),
    registry.registerView({ id: 'tree', title: 'Tree', container: 'rooms', order: 2 }),
    registry.registerView({ id: 'people', title: 'People', container: 'rooms', order: 1, collapsed: true }),
    registry.registerView({ id: 'stats', title: 'Stats', container: 'call', when: 'connected' }),
  ];
  const model = createViewModel(registry, (when) => when === undefined || connected);
  return {
    registry,
    model,
    setConnected: (value: boolean) => {
      connected = value;
    },
    dispose() {
      model.dispose();
      registrations.forEach((registration) => registration.dispose());
      registry.dispose();
    },
  };
}

const ids = (items: readonly { readonly id: string }[]): readonly string[] => items.map((item) => item.id);

describe('the view model', () => {
  it('shows views in order, and containers only while something is in them', () => {
    const { model, setConnected, dispose } = fixture();
    expect(ids(model.viewsIn('rooms'))).toEqual(['people', 'tree']);
    expect(ids(model.containersAt('secondary'))).toEqual([]);
    setConnected(true);
    expect(ids(model.containersAt('secondary'))).toEqual(['call']);
    dispose();
  });

  it('moves views and containers, and back', () => {
    const { model, dispose } = fixture();
    model.moveView('tree', 'call');
    expect(ids(model.viewsIn('call'))).toEqual(['tree']);
    model.moveContainer('call', 'panel');
    expect(ids(model.containersAt('panel'))).toEqual(['call']);
    model.moveView('tree', 'rooms');
    model.moveContainer('call', 'secondary');
    expect(model.save()).toMatchObject({ views: {}, containers: {} });
    model.moveView('tree', 'nowhere');
    model.moveView('nothing', 'call');
    expect(model.save().views).toEqual({});
    dispose();
  });

  it('hides, folds and forgets it all on reset', () => {
    const { model, dispose } = fixture();
    expect(model.isCollapsed('people')).toBe(true);
    model.setCollapsed('people', false);
    model.setHidden('tree', true);
    expect([model.isCollapsed('people'), ids(model.viewsIn('rooms'))]).toEqual([false, ['people']]);
    model.reset();
    expect([model.isCollapsed('people'), ids(model.viewsIn('rooms'))]).toEqual([true, ['people', 'tree']]);
    dispose();
  });

  it('takes back what it saved, and ignores what is not that', () => {
    const { model, dispose } = fixture();
    model.moveView('tree', 'call');
    const saved: unknown = JSON.parse(JSON.stringify(model.save()));
    model.reset();
    for (const bad of [null, 1, 'x', [], { views: 3 }, { views: {}, containers: { a: 'left' }, hidden: [] }])
      model.restore(bad);
    expect(model.containerOf('tree')).toBe('rooms');
    model.restore(saved);
    expect(model.containerOf('tree')).toBe('call');
    model.restore({ views: { tree: 'gone' }, containers: {}, hidden: [] });
    expect(model.containerOf('tree')).toBe('rooms');
    dispose();
  });

  it('refuses duplicates', () => {
    const { registry, dispose } = fixture();
    expect(() => registry.registerView({ id: 'tree', title: '', container: 'rooms' })).toThrow(/already/);
    expect(() => registry.registerContainer({ id: 'rooms', title: '', icon: '', location: 'panel' })).toThrow(
      /already/,
    );
    dispose();
  });
});
