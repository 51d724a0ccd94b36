const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Relative within an hour, the time of day within a day, the date before; short enough for a message's head. */
export function relativeTime(at: number, now: number, locale?: string): string {
  const age = now - at;
  if (age < MINUTE && age > -MINUTE) return 'now';
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'always', style: 'short' });
  if (age >= 0 && age < HOUR) return relative.format(-Math.floor(age / MINUTE), 'minute');
  if (age >= 0 && age < DAY) return relative.format(-Math.floor(age / HOUR), 'hour');
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' }).format(at);
}

/** Date and time with seconds, for the tooltip. */
export function absoluteTime(at: number, locale?: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'medium' }).format(at);
}

/** The name of a day: today, yesterday, or its date. */
export function dayName(at: number, now: number, locale?: string): string {
  const day = new Date(at);
  const today = new Date(now);
  // Calendar days, not 24 hours: a day of a clock change has 23 or 25.
  const difference = Math.round(
    (Date.UTC(today.getFullYear(), today.getMonth(), today.getDate()) -
      Date.UTC(day.getFullYear(), day.getMonth(), day.getDate())) /
      DAY,
  );
  if (difference === 0 || difference === 1) {
    const name = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(-difference, 'day');
    return name.charAt(0).toLocaleUpperCase(locale) + name.slice(1);
  }
  return new Intl.DateTimeFormat(locale, { dateStyle: 'full' }).format(at);
}
