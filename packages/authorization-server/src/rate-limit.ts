/**
 * How often one client may ask, counted by @fastify/rate-limit in buckets that do not touch each other: by endpoint, kind of grant,
 * client and address. A client that refreshes in a loop keeps nobody from redeeming a code, not even itself.
 *
 * @see RFC 6585 section 4 (429), MCP authorization, EM-13
 */
import rateLimit, { normalizeIP } from '@fastify/rate-limit'
import { addressRanges, type Clock, digest, OAuthError } from '@fastify-mcp-auth/core'
import Fastify, { type FastifyRequest } from 'fastify'
import type { Events } from './events.ts'
import type { Options } from './options.ts'

export type RateLimit = Exclude<Options['rateLimit'], false>

/** What an endpoint is counted by. */
export interface Limited {
  readonly endpoint: string
  /** Which number of the options counts. */
  readonly limit: 'authorize' | 'register' | 'token' | 'userCode'
  /** Counted wherever they come from, for what one person alone has a number of. */
  readonly person?: string
  /** As claimed: nothing was proven yet. */
  readonly clientId?: string | undefined
  readonly grantType?: string | undefined
}

export interface Limits {
  /**
   * Counts a request.
   *
   * @throws OAuthError `temporarily_unavailable` with status 429 when it is one too many
   */
  count(request: FastifyRequest, by: Limited): Promise<void>
}

const WINDOW = 60_000

/** An address that names ever new clients gets this many times the number of one client, for all of them together. */
const CLIENTS_PER_ADDRESS = 4

/** Counters kept in memory at once; those that were asked for longest ago go first. */
const COUNTERS = 20_000

interface Bucket {
  readonly key: string
  readonly max: number
}

type Count = (request: FastifyRequest, bucket: Bucket) => Promise<{ exceeded: boolean; ttl: number }>

/** Where a request comes from: of an IPv6 address its /64, for one person has as many as they like. */
export const addressOf = ({ ip }: Pick<FastifyRequest, 'ip'>): string => normalizeIP(ip ?? '')

export async function createLimits({
  options,
  issuer,
  clock,
  events
}: {
  options: RateLimit
  issuer: string
  clock: Clock
  events: Pick<Events, 'emit'>
}): Promise<Limits> {
  const isShared = addressRanges(options.sharedEgress)
  const memory = await createCounter({ cache: COUNTERS })
  const redis = options.redis
    ? await createCounter({ redis: options.redis, nameSpace: `mcp-auth-limit:${digest(issuer).slice(0, 8)}:` })
    : null
  const count = redis ? withFallback({ redis, memory, clock, events }) : memory

  return Object.freeze({
    async count(request: FastifyRequest, by: Limited): Promise<void> {
      const address = addressOf(request)
      const max = options[by.limit] * (isShared(address) ? options.sharedEgressFactor : 1)
      for (const bucket of bucketsOf(by, address, max)) {
        const { exceeded, ttl } = await count(request, bucket)
        if (exceeded) throw tooMany(request, { by, address, ttl })
      }
    }
  })

  function tooMany(
    request: FastifyRequest,
    { by, address, ttl }: { by: Limited; address: string; ttl: number }
  ): OAuthError {
    const { endpoint, grantType = null } = by
    events.emit('request.limited', { endpoint, grantType, address }, request)
    return new OAuthError('temporarily_unavailable', 'too many requests, try again later', {
      reason: 'rate_limited',
      status: 429,
      retryAfter: Math.max(1, Math.ceil(ttl / 1000))
    })
  }
}

// The narrow one first: what a client does too often shall not be held against its neighbours behind the same address.
function bucketsOf({ endpoint, clientId, grantType = '', person }: Limited, address: string, max: number): Bucket[] {
  const key = `${endpoint} ${grantType} ${address}`
  if (person !== undefined)
    return [
      { key: `${endpoint} person ${digest(person)}`, max },
      { key: `${key} people`, max: max * CLIENTS_PER_ADDRESS }
    ]
  if (clientId === undefined) return [{ key, max }]
  return [
    { key: `${key} ${digest(clientId)}`, max },
    { key, max: max * CLIENTS_PER_ADDRESS }
  ]
}

/**
 * The plugin keeps its counters on the instance that it is registered on. One that serves nothing keeps ours apart from those of
 * the host, whose store, key and limits are for its own routes.
 */
async function createCounter(store: { cache: number } | { redis: unknown; nameSpace: string }): Promise<Count> {
  const current = new WeakMap<FastifyRequest, Bucket>()
  const bucketOf = (request: FastifyRequest): Bucket => current.get(request) ?? { key: '', max: 0 }
  const keeper = Fastify()
  await keeper.register(rateLimit, {
    ...store,
    global: false,
    timeWindow: WINDOW,
    keyGenerator: request => bucketOf(request).key,
    max: request => bucketOf(request).max
  })
  const increment = keeper.createRateLimit()
  return async (request, bucket) => {
    current.set(request, bucket)
    const outcome = await increment(request)
    return outcome.isAllowed ? { exceeded: false, ttl: 0 } : { exceeded: outcome.isExceeded, ttl: outcome.ttl }
  }
}

/** Milliseconds that Redis has for an answer, and seconds that it is not asked again after it gave none. */
const PATIENCE = 500
const PAUSE = 5

// Limits that cannot be shared for a while are kept by each process alone: neither open, nor a reason to answer nobody.
function withFallback({
  redis,
  memory,
  clock,
  events
}: {
  redis: Count
  memory: Count
  clock: Clock
  events: Pick<Events, 'emit'>
}): Count {
  let pausedUntil: number | null = null
  return async (request, bucket) => {
    if (pausedUntil !== null && clock.now() < pausedUntil) return memory(request, bucket)
    try {
      const outcome = await inTime(redis(request, bucket))
      if (pausedUntil !== null) events.emit('limits.recovered', { store: 'redis' })
      pausedUntil = null
      return outcome
    } catch {
      if (pausedUntil === null) events.emit('limits.failed', { store: 'redis' })
      pausedUntil = clock.now() + PAUSE
      return memory(request, bucket)
    }
  }
}

async function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), PATIENCE)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}
