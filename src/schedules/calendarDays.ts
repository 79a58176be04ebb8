/** A day of the calendar: the midnight at which it begins, in the time zone of the browser. */
export type Day = Date;
export type CalendarView = 'month' | 'week';

/** Return the day on which an instant lies. */
export function dayOf(instant: Date | number): Day {
  const date = new Date(instant);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate());
}

/** Return the day so many days later. Days have 23 or 25 hours when clocks are set. */
export function addDays(day: Day, days: number): Day {
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() + days);
}

/** Return the day so many months later; the last one of a month that is shorter. */
export function addMonths(day: Day, months: number): Day {
  const last = new Date(day.getFullYear(), day.getMonth() + months + 1, 0);
  return new Date(
    last.getFullYear(),
    last.getMonth(),
    Math.min(day.getDate(), last.getDate())
  );
}

/** Return the name of a day, such as 2026-11-30. */
export function keyOf(day: Day): string {
  const pad = (value: number) => String(value).padStart(2, '0');
  return `${day.getFullYear()}-${pad(day.getMonth() + 1)}-${pad(day.getDate())}`;
}

/** Return the days that a view of this day shows: whole weeks, from Monday on. */
export function daysOf(view: CalendarView, day: Day): Day[] {
  const first =
    view === 'week' ? day : new Date(day.getFullYear(), day.getMonth(), 1);
  const last =
    view === 'week' ? day : new Date(day.getFullYear(), day.getMonth() + 1, 0);
  const start = addDays(first, -mondayBased(first));
  const end = addDays(last, 6 - mondayBased(last));
  const days: Day[] = [];
  for (let next = start; next <= end; next = addDays(next, 1)) {
    days.push(next);
  }
  return days;
}

/** Tell by how many hours the clocks are set on a day: 1 forward, -1 back, 0 on most days. */
export function clockChange(day: Day): number {
  return 24 - (addDays(day, 1).getTime() - day.getTime()) / 3_600_000;
}

function mondayBased(day: Day): number {
  return (day.getDay() + 6) % 7;
}
