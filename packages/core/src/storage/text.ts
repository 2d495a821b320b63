/** Which texts records may have, on every engine alike, so that they can move from one to another. */

/** Characters that a key or an indexed value may have. */
export const KEY_LENGTH = 768

/** Bytes that it may have in UTF-8: half of what MySQL can index, so that an index has a value and a key. */
export const KEY_BYTES = 1536

/** Whether every engine keeps this text as it is: PostgreSQL refuses NUL, and UTF-8 has no lone surrogates. */
export function isStorableText(text: string): boolean {
  return !text.includes('\0') && !/\p{Surrogate}/u.test(text)
}

/** Whether a record can have this key, or an index this value. One that cannot is unknown, without asking the database. */
export function isStorableKey(text: string): boolean {
  return text.length <= KEY_LENGTH && Buffer.byteLength(text) <= KEY_BYTES && isStorableText(text)
}

/** The order of `scan`: that of the UTF-8 bytes, in which every database compares keys. That of JavaScript differs beyond the BMP. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
