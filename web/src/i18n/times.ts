import i18next from 'i18next';

const formats = new Map<string, Intl.DateTimeFormat>();

/** As the language in use is written where the user is: British and American English write dates in their own ways. */
function locale(): string {
  return navigator.languages.find((tag) => tag.split('-')[0] === i18next.language) ?? i18next.language;
}

function format(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${i18next.language} ${JSON.stringify(options)}`;
  let made = formats.get(key);
  if (made === undefined) {
    made = new Intl.DateTimeFormat(locale(), options);
    formats.set(key, made);
  }
  return made;
}

const DAY = 86_400_000;

/** The local day, as a number that grows by one each midnight. */
function dayNumber(date: Date): number {
  return Math.floor((date.getTime() - date.getTimezoneOffset() * 60_000) / DAY);
}

/** Days since then, by the local calendar. */
export const daysAgo = (at: string): number => dayNumber(new Date()) - dayNumber(new Date(at));

export const timeOf = (at: string): string => format({ hour: '2-digit', minute: '2-digit' }).format(new Date(at));
export const fullTime = (at: string): string => format({ dateStyle: 'full', timeStyle: 'short' }).format(new Date(at));
export const dateOf = (at: string): string => format({ dateStyle: 'medium' }).format(new Date(at));

/** As short as it can be: the time today, the weekday this week, else the date. */
export function shortTime(at: string): string {
  const days = daysAgo(at);
  if (days <= 0) return timeOf(at);
  if (days < 7) return format({ weekday: 'short' }).format(new Date(at));
  return format({ day: 'numeric', month: 'short', ...(days > 300 ? { year: 'numeric' } : {}) }).format(new Date(at));
}

/** A day as the head of what was written on it. */
export function dayTitle(at: string): string {
  const days = daysAgo(at);
  if (days === 0) return i18next.t('chat.today');
  if (days === 1) return i18next.t('chat.yesterday');
  const year = days > 300 ? ({ year: 'numeric' } as const) : {};
  return format({ weekday: 'long', day: 'numeric', month: 'long', ...year }).format(new Date(at));
}

/** Two times lie on the same local day. */
export const sameDay = (a: string, b: string): boolean => dayNumber(new Date(a)) === dayNumber(new Date(b));
