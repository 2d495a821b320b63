/**
 * Logos of clients, fetched by us and served from this origin: the browser of a person never talks to a stranger's server, and what
 * comes from there is a picture or nothing.
 *
 * @see RFC 7591 section 5 (a logo can be used to deceive), OAuth Client ID Metadata Document section 6
 */
import type { ConsentRequest, SafeFetch } from '@fastify-mcp-auth/core'
import { LRUCache } from 'lru-cache'

/** A picture. */
export interface Logo {
  readonly type: 'image/png' | 'image/jpeg' | 'image/webp'
  readonly bytes: Buffer
}

/** Bytes of one logo, and of all of them in memory. */
export const MAX_LOGO_BYTES = 262_144
const MAX_CACHE_BYTES = 32 * MAX_LOGO_BYTES

/** Milliseconds: how long a logo is good, how long a failure is remembered, how long a page waits for one. */
const TTL = 3_600_000
const FAILURE_TTL = 300_000
const PATIENCE = 500

const NONE = Symbol('no logo')

export interface Logos {
  /** Null for what is no picture, too large, or cannot be had. Never rejects. */
  get(url: string): Promise<Logo | null>
  /** Whether a page may show it: a page does not wait long, the next one has it. */
  isReady(url: string): Promise<boolean>
}

/** @param onFailure is told why a logo is missing */
export function createLogos(fetch: SafeFetch, onFailure: (url: string, error: unknown) => void): Logos {
  const logos = new LRUCache<string, Logo | typeof NONE>({
    maxSize: MAX_CACHE_BYTES,
    sizeCalculation: logo => (logo === NONE ? 1024 : logo.bytes.length + 1024),
    ttl: TTL
  })
  const underway = new Map<string, Promise<Logo | null>>()
  const load = async (url: string): Promise<Logo | null> => {
    const logo = await fetchLogo(fetch, url).catch((error: unknown) => {
      onFailure(url, error)
      return null
    })
    logos.set(url, logo ?? NONE, logo ? {} : { ttl: FAILURE_TTL })
    return logo
  }
  const get = (url: string): Promise<Logo | null> => {
    const kept = logos.get(url)
    if (kept !== undefined) return Promise.resolve(kept === NONE ? null : kept)
    const before = underway.get(url)
    if (before) return before
    const now = load(url).finally(() => underway.delete(url))
    underway.set(url, now)
    return now
  }
  return {
    get,
    async isReady(url) {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<null>(resolve => {
        timer = setTimeout(resolve, PATIENCE, null)
      })
      const logo = await Promise.race([get(url), late])
      clearTimeout(timer)
      return logo !== null
    }
  }
}

async function fetchLogo(fetch: SafeFetch, url: string): Promise<Logo | null> {
  const { status, body } = await fetch(url, { headers: { accept: 'image/png, image/webp, image/jpeg' } })
  const type = status === 200 && body.length <= MAX_LOGO_BYTES ? pictureType(body) : null
  return type === null ? null : { type, bytes: body }
}

/** By its first bytes, whatever the server calls it. SVG is none: it can carry script. GIF is none: it moves. */
export function pictureType(bytes: Buffer): Logo['type'] | null {
  const at = (offset: number, text: string): boolean =>
    bytes.subarray(offset, offset + text.length).equals(Buffer.from(text, 'latin1'))
  if (at(0, '\x89PNG\r\n\x1a\n')) return 'image/png'
  if (at(0, '\xff\xd8\xff')) return 'image/jpeg'
  return at(0, 'RIFF') && at(8, 'WEBP') ? 'image/webp' : null
}

/**
 * Where the logo of a client is, if it may have one. A picture persuades more than words: a client that nobody vouches for could show
 * anybody's.
 */
export function logoUrlOf({ verifiedHost, logoUri }: ConsentRequest['client']): string | null {
  return verifiedHost === null ? null : logoUri
}
