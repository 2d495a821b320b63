/** What a driver checks against the declaration of a collection, whatever database is behind it. */
import {
  type CollectionDeclaration,
  type Guard,
  isStorableKey,
  isStorableText,
  type StoredRecord
} from '@fastify-mcp-auth/core'

/** A page of one record more than fits, when there are more. */
export function cut<R>(
  found: R[],
  size: number,
  cursorOf: (last: R) => string
): { records: R[]; cursor: string | null } {
  const records = found.slice(0, size)
  const last = records.at(-1)
  return { records, cursor: found.length > size && last !== undefined ? cursorOf(last) : null }
}

export function assertIndex({ indexes }: CollectionDeclaration, name: string): void {
  if (!indexes.includes(name)) throw new TypeError(`there is no index "${name}"`)
}

/** Refuses what is not declared, of another kind, or would come back as something else. */
export function readRecord({ fields, indexes }: CollectionDeclaration, record: StoredRecord): StoredRecord {
  for (const [name, value] of Object.entries(record)) {
    const field = fields.find(field => field.name === name)
    if (!field) throw new TypeError(`there is no field "${name}"`)
    const kind = { text: 'string', integer: 'number', boolean: 'boolean', json: typeof value }[field.kind]
    if (value !== null && typeof value !== kind) throw new TypeError(`"${name}" is not ${field.kind}`)
    const isStorable = indexes.includes(name) ? isStorableKey : isStorableText
    if (field.kind === 'text' && value !== null && !isStorable(String(value)))
      throw new RangeError(`"${name}" cannot be kept as it is`)
  }
  return record
}

/** A value that is missing must not widen the guard: that would make two winners of one. */
export function readGuard({ fields }: CollectionDeclaration, guard: Guard): [name: string, value: Guard[string]][] {
  for (const [name, value] of Object.entries(guard)) {
    const field = fields.find(field => field.name === name)
    if (!field || field.kind === 'json' || value === undefined) throw new TypeError(`"${name}" cannot be guarded`)
  }
  return Object.entries(guard)
}

/** Whether any record can be as the guard says. A database would refuse other text, or take it for what its encoding makes of it. */
export function canHold({ indexes }: CollectionDeclaration, guard: Guard): boolean {
  return Object.entries(guard).every(([name, value]) => {
    if (typeof value !== 'string') return true
    return indexes.includes(name) ? isStorableKey(value) : isStorableText(value)
  })
}
