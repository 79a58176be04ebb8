/** Return the name of the time zone of this browser. */
export function ownZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
}

/** Return the names of all time zones that the browser knows. */
export function allZones(): string[] {
  const known = (
    Intl as unknown as { supportedValuesOf?: (key: string) => string[] }
  ).supportedValuesOf;
  return ['UTC', ...(known?.call(Intl, 'timeZone') ?? [])];
}

/** Return the instant at which clocks of the zone show `local`, such as 2026-01-31T08:00; null when that is not a time. */
export function instantOf(local: string, timeZone: string): string | null {
  const wanted = Date.parse(`${local}Z`);
  if (Number.isNaN(wanted)) {
    return null;
  }
  try {
    // The offset at a guess may be that of the other side of a change of the clocks; the second guess is right.
    let guess = wanted;
    for (let round = 0; round < 2; round++) {
      guess = wanted - (Date.parse(`${localOf(guess, timeZone)}Z`) - guess);
    }
    return new Date(guess).toISOString();
  } catch {
    return null;
  }
}

/** Return what clocks of the zone show at an instant, for a field of a date and time. */
export function localOf(instant: string | number, timeZone: string): string {
  const parts = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit'
  }).formatToParts(new Date(instant));
  const of = (type: string) =>
    parts.find(part => part.type === type)?.value ?? '';
  return `${of('year')}-${of('month')}-${of('day')}T${of('hour')}:${of('minute')}`;
}
