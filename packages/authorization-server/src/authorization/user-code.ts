/**
 * The code that a device shows and a person types: eight letters in two groups. No vowels, so that it is no word, and nothing that looks
 * like something else.
 *
 * @see RFC 8628 sections 5.1 and 6.1
 */
import { randomInt } from 'node:crypto'

const LETTERS = 'BCDFGHJKLMNPQRSTVWXZ'
const LENGTH = 8
const USER_CODE = new RegExp(`^[${LETTERS}]{${LENGTH}}$`)

/** About 34 random bits: enough for minutes, where nobody may try more than a few. */
export function randomUserCode(): string {
  return Array.from({ length: LENGTH }, () => LETTERS[randomInt(LETTERS.length)]).join('')
}

/** As a device shows it: `WDJB-MJHT`. */
export function formatUserCode(userCode: string): string {
  return `${userCode.slice(0, LENGTH / 2)}-${userCode.slice(LENGTH / 2)}`
}

/** What was typed, without what people add or change: small letters, spaces, hyphens of all kinds. @returns null for what is no code */
export function readUserCode(typed: string): string | null {
  if (typed.length > 64) return null
  const letters = typed.toUpperCase().replace(/[\s\p{P}\p{Cf}]+/gu, '')
  return USER_CODE.test(letters) ? letters : null
}
