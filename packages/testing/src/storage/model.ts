/** Random sequences of verbs, each answer compared with that of a plain Map. */
import assert from 'node:assert/strict'
import type { Guard, StorageDriver } from '@fastify-mcp-auth/core'
import fc from 'fast-check'
import { type Sample, samples, type Test, unique } from './driver-under-test.ts'
import { allExpiredKeys, removeAllExpiring } from './expiry.ts'
import { allKeys } from './indexes.ts'

/** Few keys and few values, so that sequences meet the same records again and again. */
const key = fc.constantFrom('a', 'A', 'b', 'é')
const owner = fc.constantFrom('alice', 'Alice', 'bob')
const time = fc.constantFrom(null, 0, 5, 10)
const flag = fc.constantFrom(null, true, false)
const record: fc.Arbitrary<Sample> = fc.record({
  owner,
  family: fc.option(owner),
  note: fc.option(fc.string({ maxLength: 8 }).map(text => text.replaceAll('\0', ''))),
  count: fc.integer({ min: 0, max: 2 }),
  enabled: fc.boolean(),
  confirmed: flag,
  usedAt: time,
  expiresAt: time,
  details: fc.jsonValue({ maxDepth: 2 }).map(withoutNegativeZero)
})
const patch = record.chain(full => fc.subarray(Object.entries(full)).map(entries => Object.fromEntries(entries)))
const guard: fc.Arbitrary<Guard> = patch.map(({ details: _, ...fields }) => fields as Guard)

type Step =
  | { verb: 'get' | 'remove'; key: string }
  | { verb: 'insert'; key: string; record: Sample }
  | { verb: 'update'; key: string; guard: Guard; patch: Partial<Sample> }
  | { verb: 'list'; index: 'owner' | 'family'; value: string; limit: number }
  | { verb: 'removeWhere'; index: 'owner' | 'family'; value: string }
  | { verb: 'expire' | 'listExpired'; before: number; limit: number }

const index = fc.constantFrom('owner' as const, 'family' as const)
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ verb: fc.constantFrom('get' as const, 'remove' as const), key }),
  { weight: 3, arbitrary: fc.record({ verb: fc.constant('insert' as const), key, record }) },
  { weight: 4, arbitrary: fc.record({ verb: fc.constant('update' as const), key, guard, patch }) },
  fc.record({ verb: fc.constant('list' as const), index, value: owner, limit: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ verb: fc.constant('removeWhere' as const), index, value: owner }),
  fc.record({
    verb: fc.constantFrom('expire' as const, 'listExpired' as const),
    before: fc.constantFrom(0, 5, 6, 11),
    limit: fc.integer({ min: 1, max: 3 })
  })
)

export async function testModel(test: Test, driver: StorageDriver, runs: number): Promise<void> {
  await test(`${runs} random sequences of verbs answer as a Map would`, async () => {
    const sequence = fc.array(step, { minLength: 5, maxLength: 30 })
    await fc.assert(
      fc.asyncProperty(sequence, steps => compare(driver, steps)),
      { numRuns: runs }
    )
  })
}

async function compare(driver: StorageDriver, steps: readonly Step[]): Promise<void> {
  await removeAllExpiring(driver, samples)
  // Every run has keys and index values of its own.
  const scope = unique('')
  const scoped = <T extends Partial<Sample>>(fields: T): T => ({
    ...fields,
    ...(typeof fields.owner === 'string' && { owner: fields.owner + scope }),
    ...(typeof fields.family === 'string' && { family: fields.family + scope })
  })
  const model = new Map<string, Sample>()
  for (const [position, step] of steps.entries()) {
    const message = `step ${position}: ${JSON.stringify(step)}`
    const own = localise(step, scope, scoped)
    assert.deepEqual(await askDriver(driver, own), askModel(model, own), message)
  }
  for (const [key, record] of model) assert.deepEqual(await driver.get(samples, key), record)
}

function localise(step: Step, scope: string, scoped: <T extends Partial<Sample>>(fields: T) => T): Step {
  if ('before' in step) return step
  if ('value' in step) return { ...step, value: step.value + scope }
  if (step.verb === 'insert') return { ...step, key: step.key + scope, record: scoped(step.record) }
  if (step.verb !== 'update') return { ...step, key: step.key + scope }
  return {
    ...step,
    key: step.key + scope,
    guard: scoped(step.guard as Partial<Sample>) as Guard,
    patch: scoped(step.patch)
  }
}

function askDriver(driver: StorageDriver, step: Step): Promise<unknown> {
  switch (step.verb) {
    case 'get':
      return driver.get(samples, step.key)
    case 'remove':
      return driver.remove(samples, step.key)
    case 'insert':
      return driver.insert(samples, step.key, step.record)
    case 'update':
      return driver.update(samples, step.key, step.guard, step.patch)
    case 'list':
      return allKeys(driver, step).then(keys => keys.sort())
    case 'removeWhere':
      return driver.removeWhere(samples, step.index, step.value)
    case 'expire':
      return driver.removeWhere(samples, 'expiresBefore', step.before)
    case 'listExpired':
      return allExpiredKeys(driver, step).then(keys => keys.sort())
  }
}

function askModel(model: Map<string, Sample>, step: Step): unknown {
  const isExpired = ({ expiresAt }: Sample, before: number): boolean => expiresAt !== null && expiresAt < before
  const keysWhere = (holds: (record: Sample) => boolean): string[] =>
    [...model].flatMap(([key, record]) => (holds(record) ? [key] : [])).sort()
  switch (step.verb) {
    case 'get':
      return model.get(step.key) ?? null
    case 'remove':
      return model.delete(step.key)
    case 'insert':
      return !model.has(step.key) && Boolean(model.set(step.key, step.record))
    case 'update': {
      const known = model.get(step.key)
      const holds =
        known && Object.entries(step.guard).every(([field, value]) => known[field as keyof Sample] === value)
      return Boolean(holds && model.set(step.key, { ...known, ...step.patch }))
    }
    case 'list':
      return keysWhere(record => record[step.index] === step.value)
    case 'removeWhere':
      return keysWhere(record => record[step.index] === step.value).filter(key => model.delete(key)).length
    case 'expire':
      return keysWhere(record => isExpired(record, step.before)).filter(key => model.delete(key)).length
    case 'listExpired':
      return keysWhere(record => isExpired(record, step.before))
  }
}

// JSON has no negative zero, so no driver has to keep one.
function withoutNegativeZero(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}
