/** Encrypting anew under the first key what another one encrypted, so that the other can go. */
import { resealRegistration } from './client-registration.ts'
import type { Context } from './context.ts'
import { resealOwed } from './owed-seal.ts'
import type { Place } from './owner.ts'
import { resealParams } from './params.ts'
import type { ConnectionRecord } from './records.ts'
import { sealCredential, unsealCredential } from './seal.ts'
import type { KeyStatus } from './types.ts'

/**
 * @returns how many records were encrypted anew, and how many still wait. What no given key can decrypt is not counted: it is lost
 *   already. Flows live for minutes and are left alone, and so is a registration that no connection is left of: it is made anew when it is
 *   needed.
 */
export async function rotateKeys(
  context: Context,
  { limit = 1000 }: { readonly limit?: number } = {}
): Promise<{ readonly resealed: number; readonly remaining: number }> {
  const { ring, records, events, registry, clientKeys } = context
  const tally = { resealed: await clientKeys.reseal(), remaining: 0 }
  const count = async (reseal: () => Promise<boolean>): Promise<void> => {
    if (tally.resealed >= limit) tally.remaining++
    else if (await reseal()) tally.resealed++
    // Somebody changed it meanwhile, and that sealed it anew; the next run looks again.
    else tally.remaining++
  }
  const issuers = new Set<string>()
  for (const { id } of await registry.list()) {
    for await (const { key, record } of pages(context, id)) {
      const { sealed, issuer } = record
      if (issuer !== null) issuers.add(issuer)
      const sealedParams = resealParams(ring, placeOf(key, record), record)
      if (sealedParams !== null)
        await count(() =>
          records.connections.update(key, { grant: record.grant, sealedParams: record.sealedParams }, { sealedParams })
        )
      if (sealed === null || !ring.isOutdated(sealed)) continue
      const change = resealed(context, key, record)
      if (change === null) continue
      await count(() =>
        records.connections.update(key, { grant: record.grant, generation: record.generation, sealed }, change)
      )
    }
    if (await registry.reseal(id)) tally.resealed++
  }
  for await (const { key, record } of registrationsOf(context, issuers)) {
    const sealed = resealRegistration(context, key, record)
    if (sealed !== null) await count(() => records.registrations.update(key, { sealed: record.sealed }, { sealed }))
  }
  for await (const { key, record } of owedOf(context)) {
    const sealed = resealOwed(context, key, record.sealed)
    if (sealed !== null) await count(() => records.outbox.update(key, { sealed: record.sealed }, { sealed }))
  }
  if (tally.resealed > 0)
    events.emit('keys.rotated', { id: null, server: '*', owner: null }, { resealed: tally.resealed })
  return Object.freeze({ ...tally })
}

/** @returns how many secrets each kind of key encrypts: the first one, another one of the list, or none of them. Decrypts nothing. */
export async function keyStatus(context: Context): Promise<KeyStatus> {
  const { ring, records, registry, clientKeys } = context
  const tally = { current: 0, outdated: 0, unreadable: 0 }
  const count = (sealed: string | null): void => {
    if (sealed === null) return
    tally[!ring.isOutdated(sealed) ? 'current' : ring.hasKeyOf(sealed) ? 'outdated' : 'unreadable']++
  }
  for (const { sealed } of await clientKeys.stored()) count(sealed)
  const issuers = new Set<string>()
  for (const { id } of await registry.list()) {
    count((await records.servers.get(id))?.sealed ?? null)
    for await (const { record } of pages(context, id)) {
      count(record.sealed)
      count(record.sealedParams ?? null)
      if (record.issuer !== null) issuers.add(record.issuer)
    }
  }
  for await (const { record } of registrationsOf(context, issuers)) count(record.sealed)
  for await (const { record } of owedOf(context)) count(record.sealed)
  return Object.freeze(tally)
}

async function* pages({ records }: Context, server: string) {
  for (let cursor: string | null = null; ; ) {
    const page = await records.connections.list('server', server, { limit: 500, cursor })
    yield* page.records
    cursor = page.cursor
    if (cursor === null) return
  }
}

/** What we are registered as with the issuers of connections. */
async function* registrationsOf({ records }: Context, issuers: ReadonlySet<string>) {
  for (const issuer of issuers)
    for (let cursor: string | null = null; ; ) {
      const page = await records.registrations.list('issuer', issuer, { limit: 500, cursor })
      yield* page.records
      cursor = page.cursor
      if (cursor === null) break
    }
}

/** Revocations that are still to be told. */
async function* owedOf({ records }: Context) {
  for (let cursor: string | null = null; ; ) {
    const page = await records.outbox.list('queue', 'revocation', { limit: 500, cursor })
    yield* page.records
    cursor = page.cursor
    if (cursor === null) return
  }
}

function placeOf(id: string, record: ConnectionRecord): Place {
  const { owner, tenant, ownerKey, userKey, agentKey, server, account } = record
  return { id, owner, tenant, ownerKey, userKey, agentKey, server, account }
}

function resealed({ ring }: Context, id: string, record: ConnectionRecord): { sealed: string } | null {
  const { url, sealed } = record
  const place = placeOf(id, record)
  const credential = sealed === null ? null : unsealCredential(ring, place, url, sealed)
  return credential && { sealed: sealCredential(ring, place, url, credential) }
}
