import type { Day, FreezeWindow, WeeklyWindow } from '../../config/rollout-policy.ts';

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const satisfies readonly Day[];
const MINUTE_MS = 60_000;
const MINUTES_OF_A_DAY = 1440;
/** Zones change their offsets at full quarters of an hour of UTC. */
const QUARTER_MS = 15 * MINUTE_MS;

/** What a clock on the wall shows: the day of the week (0 is Monday) and the minute of the day. */
interface WallTime {
  readonly day: number;
  readonly minute: number;
}

function isIn({ days, from, to }: WeeklyWindow, { day, minute }: WallTime): boolean {
  const begins = (on: number): boolean => days.includes(DAYS[on] ?? 'mon');
  if (from < to) return begins(day) && minute >= from && minute < to;
  return (begins(day) && minute >= from) || (begins((day + 6) % 7) && minute < to);
}

/** The windows in which no instance gets a new revision. Times are milliseconds since the epoch. */
export class FreezeCalendar {
  readonly #windows: readonly FreezeWindow[];
  readonly #clocks = new Map<string, Intl.DateTimeFormat>();

  constructor(windows: readonly FreezeWindow[]) {
    this.#windows = windows;
  }

  isFrozen(at: number): boolean {
    return this.#windows.some((window) =>
      window.kind === 'span' ? at >= window.from && at < window.to : isIn(window, this.#wallTime(window.zone, at)),
    );
  }

  /** Until then nothing changes; whether something changes there, `isFrozen` says. undefined: never again. */
  nextChange(at: number): number | undefined {
    const times = this.#windows.flatMap((window) =>
      window.kind === 'span' ? [window.from, window.to] : this.#nextOf(window, at),
    );
    const later = times.filter((time) => time > at);
    return later.length === 0 ? undefined : Math.min(...later);
  }

  /** The next minute at which the window begins or ends, unless the zone changes its offset before. */
  #nextOf({ from, to, zone }: WeeklyWindow, at: number): readonly number[] {
    const { minute } = this.#wallTime(zone, at);
    const thisMinute = Math.floor(at / MINUTE_MS) * MINUTE_MS;
    const edges = [from, to].map((edge) => {
      const minutes = (edge - minute + MINUTES_OF_A_DAY) % MINUTES_OF_A_DAY || MINUTES_OF_A_DAY;
      return thisMinute + minutes * MINUTE_MS;
    });
    return [...edges, (Math.floor(at / QUARTER_MS) + 1) * QUARTER_MS];
  }

  #wallTime(zone: string, at: number): WallTime {
    const parts = new Map(
      this.#clock(zone)
        .formatToParts(at)
        .map(({ type, value }) => [type, value]),
    );
    return {
      day: (DAYS as readonly string[]).indexOf(parts.get('weekday')?.toLowerCase() ?? ''),
      minute: Number(parts.get('hour')) * 60 + Number(parts.get('minute')),
    };
  }

  #clock(zone: string): Intl.DateTimeFormat {
    const known = this.#clocks.get(zone);
    if (known) return known;
    const clock = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
    this.#clocks.set(zone, clock);
    return clock;
  }
}
