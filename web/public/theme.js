// Before the first paint, so that a page that was set to dark does not flash. Beside the modules, which run later.
(() => {
  try {
    const { theme, language } = JSON.parse(localStorage.getItem('settings') ?? '{}');
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
    if (typeof language === 'string') document.documentElement.lang = language;
  } catch {
    // Nothing is stored, or storage is off: the system decides.
  }
})();
