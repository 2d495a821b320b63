/** What every part of the kit works on: collections with each kind of field, and a driver that is opened and closed. */
import { randomUUID } from 'node:crypto'
import { defineCollection, type StorageDriver } from '@fastify-mcp-auth/core'
import { type Static, Type } from 'typebox'

/** The part of a test context that the kit needs. tap's and that of `node:test` both have it. */
export interface SuiteContext {
  test(name: string, run: (t: Subtest) => Promise<void>): PromiseLike<unknown>
}

export interface Subtest {
  /** tap counts assertions and takes a test without one for skipped; `node:test` has none. */
  pass?: (message: string) => unknown
}

export type CreateDriver = () => StorageDriver | Promise<StorageDriver>

/** Runs one titled check. */
export type Test = (title: string, run: () => Promise<void>) => Promise<void>

const nullable = <S extends ReturnType<typeof Type.String | typeof Type.Integer | typeof Type.Boolean>>(schema: S) =>
  Type.Union([schema, Type.Null()])

const Sample = Type.Object({
  owner: Type.String(),
  family: nullable(Type.String()),
  note: nullable(Type.String()),
  count: Type.Integer(),
  enabled: Type.Boolean(),
  confirmed: nullable(Type.Boolean()),
  usedAt: nullable(Type.Integer()),
  expiresAt: nullable(Type.Integer()),
  details: Type.Unknown()
})

/** A record with every kind of field. */
export type Sample = Static<typeof Sample>

const declaration = { record: Sample, indexes: ['owner', 'family'], expiry: 'expiresAt' } as const

export const samples = defineCollection({ ...declaration, name: 'suite_samples' })

/** The same shape, to see that collections do not mix. */
export const others = defineCollection({ ...declaration, name: 'suite_others' })

/** Nothing in it ever expires. */
export const lasting = defineCollection({ name: 'suite_lasting', record: Type.Object({ owner: Type.String() }) })

/** Without an index, as what lives for minutes is: a database may drop such records by itself, once they have expired long ago. */
export const handles = defineCollection({
  name: 'suite_handles',
  record: Type.Object({ usedAt: nullable(Type.Integer()), expiresAt: Type.Integer() }),
  expiry: 'expiresAt',
  shortLived: true
})

export const COLLECTIONS = [samples, others, lasting, handles]

/** @param fields what matters to the test; the rest is ordinary */
export function sample(fields: Partial<Sample> = {}): Sample {
  return {
    owner: 'alice',
    family: null,
    note: null,
    count: 0,
    enabled: false,
    confirmed: null,
    usedAt: null,
    expiresAt: null,
    details: { list: [] },
    ...fields
  }
}

/** A key or an index value that no other test and no earlier run has used. */
export function unique(name = 'key'): string {
  return `${name}-${randomUUID()}`
}

export async function withDriver<T>(
  createDriver: CreateDriver,
  run: (driver: StorageDriver) => Promise<T>
): Promise<T> {
  const driver = await createDriver()
  try {
    await driver.open?.(COLLECTIONS)
    return await run(driver)
  } finally {
    await driver.close?.()
  }
}

export function titled(t: SuiteContext): Test {
  return async (title, run) => {
    await t.test(`storage contract: ${title}`, async child => {
      await run()
      child.pass?.('held')
    })
  }
}
