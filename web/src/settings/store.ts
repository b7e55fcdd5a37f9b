import { Store } from '../bridge/store.ts';

/** What this browser is set to; beside the account, in `localStorage`. */
export interface Settings {
  readonly theme?: 'light' | 'dark';
  readonly language?: string;
  /** Enter sends; otherwise it begins a new line. */
  readonly enterSends: boolean;
  readonly notify: boolean;
}

const KEY = 'settings';
const DEFAULTS: Settings = { enterSends: true, notify: false };

function read(): Settings {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    return { ...DEFAULTS, ...(typeof stored === 'object' ? stored : {}) };
  } catch {
    return DEFAULTS;
  }
}

export const settings = new Store<Settings>(read());

/** Changes settings; `undefined` leaves a thing to the system. */
export function set(change: { [K in keyof Settings]?: Settings[K] | undefined }): void {
  const merged = Object.entries({ ...settings.get(), ...change }).filter(([, value]) => value !== undefined);
  const next: Settings = { ...DEFAULTS, ...Object.fromEntries(merged) };
  try {
    localStorage.setItem(KEY, JSON.stringify(next));
  } catch {
    // Storage is off or full: it holds until the tab is closed.
  }
  settings.set(next);
}

/** The theme in use: the one that is set, else the system's. */
export function darkNow(): boolean {
  const { theme } = settings.get();
  return theme === undefined ? matchMedia('(prefers-color-scheme: dark)').matches : theme === 'dark';
}

/** Keeps the page in the theme that is set, and tabs in step with one another. */
export function followSettings(): void {
  const apply = () => {
    const { theme } = settings.get();
    if (theme === undefined) delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  };
  settings.subscribe(apply);
  window.addEventListener('storage', ({ key }) => {
    if (key === KEY) settings.set(read());
  });
  apply();
}
