import ElectronStore from 'electron-store';
import type { UiState } from '../services/ui-state.ts';

/** UI state in electron-store: JSON written atomically, in the profile folder. */
export function openElectronUiState(folder: string): UiState {
  const store = new ElectronStore<Record<string, string>>({
    cwd: folder,
    name: 'ui-state',
    // Keys contain dots that are part of the name.
    accessPropertiesByDotNotation: false,
    clearInvalidConfig: true,
  });
  return {
    get: async (key) => {
      const value: unknown = store.get(key);
      return typeof value === 'string' ? value : null;
    },
    set: async (key, value) => store.set(key, value),
  };
}
