/** What the doctor finds. */

export interface Finding {
  readonly check: string
  readonly state: 'good' | 'bad' | 'skipped'
  /** What was seen. */
  readonly seen: string
  /** What to do about it; null when it is good. */
  readonly mend: string | null
}

export function good(check: string, seen: string): Finding {
  return { check, state: 'good', seen, mend: null }
}

export function bad(check: string, seen: string, mend: string): Finding {
  return { check, state: 'bad', seen, mend }
}

export function skipped(check: string, seen: string, mend: string): Finding {
  return { check, state: 'skipped', seen, mend }
}
