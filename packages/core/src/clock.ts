/** The only place that reads the time. Everything else is handed a {@link Clock}, so that tests can set it. */
export interface Clock {
  /** Whole seconds since 1970-01-01T00:00:00Z, as `iat` and `exp` count them. */
  now(): number
}

/** The clock of the computer, the default of every option named `clock`. */
export const systemClock: Clock = Object.freeze({ now: () => Math.floor(Date.now() / 1000) })
