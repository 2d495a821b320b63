/**
 * Looks metadata documents up: in this process, in the storage that all processes share, or by one fetch that parallel requests
 * share.
 *
 * @see draft-ietf-oauth-client-id-metadata-document-00 section 4 (metadata, caching)
 */
import {
  type ClientMetadata,
  type Clock,
  isOAuthError,
  isUnavailableError,
  type SafeFetch,
  UnavailableError
} from '@fastify-mcp-auth/core'
import { LRUCache } from 'lru-cache'
import type { ClientDocumentRecord, Records } from '../records.ts'
import type { Client } from './client.ts'
import { timeToLive } from './document-lifetime.ts'
import type { FetchBudget } from './fetch-budget.ts'
import { documentClient, readDocument, refused } from './metadata-document.ts'

export interface Documents {
  /**
   * As it is now, within what its headers allow.
   *
   * @param caller address of who named it, which pays for reading what nobody knows yet; null for nobody
   * @throws OAuthError `invalid_client_metadata` when the document, its host or the client is not acceptable
   * @throws UnavailableError when its host or the storage does not answer
   */
  current(clientId: string, caller: string | null): Promise<Client>
  /** The same, but up to an hour too old while its host is down. */
  usable(clientId: string, caller: string | null): Promise<Client>
  /** As it was when it was last read, however long ago; fetched only when nobody knows it. Throws the same. */
  known(clientId: string, caller: string | null): Promise<Client>
}

/** Who may be a client, by the app's own rules. */
export interface DocumentPolicy {
  readonly allowHost?: ((host: string) => boolean | Promise<boolean>) | undefined
  readonly allowClient?:
    | ((client: { clientId: string; host: string; metadata: ClientMetadata }) => boolean | Promise<boolean>)
    | undefined
}

interface DocumentsOptions {
  readonly fetch: SafeFetch
  readonly budget: FetchBudget
  readonly clock: Clock
  readonly records: Pick<Records, 'clientDocuments'>
  readonly privateUseRedirectUris: readonly string[]
  readonly policy: DocumentPolicy
}

const CACHE_ENTRIES = 500

/** Seconds after a failure in which the same URL is not asked again. Short: whoever mends a document should not have to wait. */
const HOLD_OFF = 10

/** Seconds past its freshness for which a document's keys still work while its host is down, and all of it while we do not ask. */
const STALE_IF_ERROR = 3600

/** Seconds for which a document is kept that led to no grant; longer than the longest freshness. */
const UNUSED_TTL = 2 * 86_400

interface Named {
  readonly clientId: string
  readonly caller: string | null
}

type Known = Pick<ClientDocumentRecord, 'metadata' | 'freshUntil'>

export function createDocuments(options: DocumentsOptions): Documents {
  const { clock, policy, budget } = options
  const cache = new LRUCache<string, Known>({ max: CACHE_ENTRIES })
  const failures = new LRUCache<string, { error: Error; until: number }>({ max: CACHE_ENTRIES })
  const pending = new Map<string, Promise<Known>>()

  const isFresh = ({ freshUntil }: Known): boolean => freshUntil > clock.now()
  const isUsable = ({ freshUntil }: Known): boolean => freshUntil > clock.now() - STALE_IF_ERROR

  async function find({ clientId, caller }: Named, isGoodEnough: (known: Known) => boolean): Promise<Known> {
    const cached = cache.get(clientId)
    // What is not fresh any more, another process may have replaced.
    if (cached && isFresh(cached)) return cached
    const stored = await options.records.clientDocuments.get(clientId)
    if (stored) cache.set(clientId, stored)
    return stored && isGoodEnough(stored) ? stored : fetchOnce({ clientId, caller }, stored)
  }

  function fetchOnce({ clientId, caller }: Named, stored: ClientDocumentRecord | null): Promise<Known> {
    const running = pending.get(clientId)
    if (running) return running
    const failure = failures.get(clientId)
    if (failure && failure.until > clock.now()) return Promise.reject(failure.error)
    const refusal = budget.spend({ url: clientId, isKnown: stored !== null, caller })
    // That somebody asked too often is not the client's fault: it is not held against it, and goes on with what is known of it.
    if (refusal) return stored && isUsable(stored) ? Promise.resolve(stored) : Promise.reject(refusal)
    const fetching = read(options, clientId)
      .catch((error: unknown) => {
        const verdict =
          isOAuthError(error) || isUnavailableError(error) ? error : refused('the document cannot be fetched', error)
        failures.set(clientId, { error: verdict, until: clock.now() + HOLD_OFF })
        throw verdict
      })
      .then(async document => {
        await keep(options.records, { clientId, document, stored })
        cache.set(clientId, document)
        return document
      })
      .finally(() => pending.delete(clientId))
    pending.set(clientId, fetching)
    return fetching
  }

  async function lookUp(named: Named, isGoodEnough: (known: Known) => boolean): Promise<Client> {
    const { clientId } = named
    const { host } = new URL(clientId)
    await assertAllowed(policy.allowHost, host)
    const { metadata } = await find(named, isGoodEnough)
    await assertAllowed(policy.allowClient, { clientId, host, metadata })
    return documentClient(clientId, metadata)
  }

  return {
    current: (clientId, caller) => lookUp({ clientId, caller }, isFresh),
    async usable(clientId, caller) {
      try {
        return await lookUp({ clientId, caller }, isFresh)
      } catch (error) {
        if (!isUnavailableError(error)) throw error
        return lookUp({ clientId, caller }, isUsable)
      }
    },
    known: (clientId, caller) => lookUp({ clientId, caller }, () => true)
  }
}

// A rule of the app that fails says nothing about the client, and opens nothing.
async function assertAllowed<T>(
  rule: ((subject: T) => boolean | Promise<boolean>) | undefined,
  subject: T
): Promise<void> {
  if (!rule) return
  let allowed: unknown
  try {
    allowed = await rule(subject)
  } catch (cause) {
    throw new UnavailableError('option "clientIdMetadataDocuments": a rule of the app failed', { cause })
  }
  if (allowed !== true) throw refused('the app does not allow this client')
}

type Fetched = Omit<ClientDocumentRecord, 'expiresAt'>

async function read({ fetch, clock, privateUseRedirectUris }: DocumentsOptions, clientId: string): Promise<Fetched> {
  const response = await fetch(clientId, { headers: { accept: 'application/json' } })
  // Its host is in trouble: that says nothing about the client.
  if (response.status === 429 || response.status >= 500)
    throw new UnavailableError(`the metadata document answers with status ${response.status}`)
  const metadata = readDocument(clientId, response, privateUseRedirectUris)
  const fetchedAt = clock.now()
  return { metadata, fetchedAt, freshUntil: fetchedAt + timeToLive(response.headers) }
}

async function keep(
  { clientDocuments }: DocumentsOptions['records'],
  { clientId, document, stored }: { clientId: string; document: Fetched; stored: ClientDocumentRecord | null }
): Promise<void> {
  const expiresAt = document.fetchedAt + UNUSED_TTL
  if (!stored && (await clientDocuments.insert(clientId, { ...document, expiresAt }))) return
  await clientDocuments.update(clientId, {}, document)
  // Never shortened: a grant may have asked for longer in the meantime.
  if (stored && stored.expiresAt < expiresAt)
    await clientDocuments.update(clientId, { expiresAt: stored.expiresAt }, { expiresAt })
}

/** Keeps what is known of a client until its grant ends, so that it stays connected when its host is down. */
export async function keepDocument(
  { clientDocuments }: Pick<Records, 'clientDocuments'>,
  clientId: string,
  grantEndsAt: number
): Promise<void> {
  for (let attempt = 0; attempt < 5; attempt++) {
    const document = await clientDocuments.get(clientId)
    if (!document || document.expiresAt >= grantEndsAt) return
    // A tenth on top, so that not every grant writes.
    const expiresAt = grantEndsAt + Math.ceil((grantEndsAt - document.fetchedAt) / 10)
    if (await clientDocuments.update(clientId, { expiresAt: document.expiresAt }, { expiresAt })) return
  }
}
