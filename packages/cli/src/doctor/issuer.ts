/** Whether the issuer that clients reach is this one: what it publishes, over which transport, and what its clock says. */
import { isDeepStrictEqual } from 'node:util'
import {
  type AuthorizationServer,
  isHttpLoopback,
  type SafeFetch,
  type SafeResponse,
  type SigningKeySummary,
  wellKnownUrl
} from '@fastify-mcp-auth/core'
import type { BootableApp } from '../config.ts'
import { clockFinding } from './clock.ts'
import { bad, type Finding, good } from './finding.ts'

export interface Published {
  readonly server: AuthorizationServer
  readonly app: BootableApp
  readonly fetch: SafeFetch
  /** Epoch seconds. */
  now(): number
}

export async function issuerFindings(published: Published): Promise<Finding[]> {
  const { server, fetch } = published
  const url = wellKnownUrl(server.issuer, 'oauth-authorization-server')
  const transport = transportFinding(server.issuer)
  const answer = await fetch(url).catch((error: unknown) => error as Error)
  if (answer instanceof Error)
    return [transport, bad('issuer', answer.message, 'start the app, and see that its public address leads to it')]
  const metadata = readJson(answer)
  if (!metadata)
    return [
      transport,
      bad(
        'issuer',
        `${url} answered ${answer.status}`,
        'the path must reach the app unchanged: look at the proxy in front of it'
      )
    ]
  return [
    transport,
    good('issuer', `${url} answers`),
    await metadataFinding(published, { url, metadata }),
    await keysFinding(published, metadata),
    clockFinding(answer, published.now())
  ]
}

/** @param whose what stands at that URL, for a deployment with several of them */
export function transportFinding(url: string, whose?: string): Finding {
  const check = whose === undefined ? 'https' : `https of ${whose}`
  if (url.startsWith('https:')) return good(check, url)
  // The plugins let nothing else pass.
  return isHttpLoopback(url)
    ? good(check, `${url} is for this computer only`)
    : bad(check, url, 'without https anybody on the way reads along, and others refuse it')
}

async function metadataFinding(
  { server, app }: Published,
  { url, metadata }: { url: string; metadata: Record<string, unknown> }
): Promise<Finding> {
  if (metadata['issuer'] !== server.issuer)
    return bad(
      'metadata',
      `${url} names the issuer ${String(metadata['issuer'])}, this app is ${server.issuer}`,
      'write both alike, character by character, or give the commands the same settings as the app'
    )
  const { pathname } = new URL(url)
  const own = JSON.parse((await app.inject(pathname)).body) as Record<string, unknown>
  const members = [...new Set([...Object.keys(own), ...Object.keys(metadata)])]
  const other = members.filter(member => !isDeepStrictEqual(own[member], metadata[member]))
  return other.length === 0
    ? good('metadata', 'what clients read is what this app says')
    : bad(
        'metadata',
        `differs in ${other.join(', ')}`,
        'another version or other settings are running: deploy once more'
      )
}

async function keysFinding({ server, fetch }: Published, metadata: Record<string, unknown>): Promise<Finding> {
  const uri = String(metadata['jwks_uri'])
  const answer = await fetch(uri).catch((error: unknown) => error as Error)
  const set = answer instanceof Error ? null : readJson(answer)
  if (!set || !Array.isArray(set['keys']))
    return bad('key set', `${uri} gives no keys`, 'its path must reach the app unchanged')
  const kids = set['keys'].map((key: { kid?: unknown }) => key.kid)
  const missing = (await server.keys.list()).filter(({ kid, alg }) => alg !== 'HS256' && !kids.includes(kid))
  return missing.length === 0
    ? good('key set', `${kids.length} keys, all of this storage among them`)
    : bad(
        'key set',
        `lacks ${missing.map(({ kid }) => kid).join(', ')}`,
        'the running app uses another database, or a cache in front of it keeps an old answer: both follow within a minute after a rotation'
      )
}

/** Whether there is a key to sign with, and how old it is. */
export function signingFinding(keys: readonly SigningKeySummary[]): Finding {
  const current = keys.filter(({ state }) => state === 'current')
  return current.length > 0
    ? good('signing keys', current.map(({ alg, kid }) => `${alg} ${kid}`).join(', '))
    : bad('signing keys', 'there is none to sign with', 'start the app once: it makes them')
}

/** Null unless it is 200 with a JSON object. */
export function readJson({ status, body }: SafeResponse): Record<string, unknown> | null {
  if (status !== 200) return null
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null
  } catch {
    return null
  }
}
