/** How the pages of what has expired lead on: by the last record's expiry and, because many expire in one second, its key. */

/** Where a record stands among those that expire. */
export interface ExpiryPosition {
  /** Epoch second. */
  readonly second: number
  readonly key: string
}

/** For drivers: the cursor behind this record. */
export function formatExpiryCursor({ second, key }: ExpiryPosition): string {
  return `${second}:${key}`
}

/**
 * For drivers.
 *
 * @throws TypeError for what is no cursor of such a list
 */
export function parseExpiryCursor(cursor: string): ExpiryPosition {
  const [, digits = '', key = ''] = /^(-?\d{1,16}):(.*)$/su.exec(cursor) ?? []
  const second = Number(digits)
  if (digits === '' || !Number.isSafeInteger(second))
    throw new TypeError('the cursor is not of a list of expired records')
  return { second, key }
}
