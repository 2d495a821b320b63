/**
 * Which of the guarded fetches a server is reached by. Loopback is for servers that are on loopback themselves: what a public server
 * names is never fetched from this computer.
 */
import {
  type AllowedAddresses,
  ConfigurationError,
  createGuardedFetch,
  createSafeFetch,
  FetchRefusedError,
  type GuardedFetch,
  isFetchRefusedError,
  isLoopbackHost,
  type SafeFetch
} from '@fastify-mcp-auth/core'
import { McpConnectionError } from './errors.ts'
import type { ResolvedOptions, ServerDefinition } from './options.ts'

/** How one server, and what it names, is reached. */
export interface Route {
  /** For metadata, registration and tokens: bounded, whole, without redirects. */
  readonly oauth: SafeFetch
  /** For the MCP endpoint: may be a stream. */
  readonly mcp: GuardedFetch
  readonly addresses: AllowedAddresses
}

export interface Network {
  /** @throws McpConnectionError `MCP_URL_BLOCKED` for a URL that no rule lets through, before anything is sent */
  routeTo(definition: Pick<ServerDefinition, 'url' | 'internal'>, server?: string): Route
  /** Whether the rules of the app forbid a host. Names are not resolved. */
  isForbidden(url: string): boolean
  close(): Promise<void>
}

interface NetworkSettings {
  /** Seconds for one request to an authorization server. */
  readonly timeout: number
  /** Told of every request that the rules stop. */
  readonly onRefused: (reason: string) => void
}

export function createNetwork(options: ResolvedOptions['network'], { timeout, onRefused }: NetworkSettings): Network {
  const { allowLoopback, allowedHosts, deniedHosts = [], maxBytes, lookup, proxy } = options
  const way = { ...(lookup ? { lookup } : {}), ...(proxy === undefined ? {} : { proxy }) }
  const made = new Map<AllowedAddresses, Route & { close(): Promise<void> }>()

  const denied = deniedHosts.map(hostRule)
  const allowed = allowedHosts?.map(hostRule)
  const isForbidden = (url: string): boolean => {
    const host = bare(URL.parse(url)?.hostname ?? '')
    return denied.some(rule => matches(rule, host)) || !(allowed?.some(rule => matches(rule, host)) ?? true)
  }
  const guarded = async <T>(url: string | URL, send: () => Promise<T>): Promise<T> => {
    try {
      if (isForbidden(String(url)))
        throw new FetchRefusedError('address', `${URL.parse(String(url))?.origin}: the host is not allowed`)
      return await send()
    } catch (error) {
      if (isFetchRefusedError(error)) onRefused(error.reason)
      throw error
    }
  }
  const routeFor = (addresses: AllowedAddresses): Route => {
    let route = made.get(addresses)
    if (!route) {
      const safeFetch = createSafeFetch({ addresses, timeoutMs: timeout * 1000, maxBytes: 65_536, ...way })
      const mcpFetch = createGuardedFetch({ addresses, maxBytes, ...way })
      route = {
        addresses,
        oauth: (url, init) => guarded(url, () => safeFetch(url, init)),
        mcp: (url, init) => guarded(url, () => mcpFetch(url, init)),
        close: () => mcpFetch.close()
      }
      made.set(addresses, route)
    }
    return route
  }

  // A setting that cannot work is told while starting.
  routeFor('public')

  return Object.freeze({
    isForbidden,
    routeTo({ url, internal }: Pick<ServerDefinition, 'url' | 'internal'>, server?: string): Route {
      const parsed = URL.parse(url)
      const isLoopback = parsed !== null && isLoopbackHost(parsed.hostname)
      const isPlain = parsed?.protocol === 'http:' && !internal && !isLoopback
      if (!parsed || isPlain || (isLoopback && !allowLoopback && !internal) || isForbidden(url))
        throw new McpConnectionError('MCP_URL_BLOCKED', 'the URL of the server is not allowed', {
          server,
          reason: isPlain ? 'scheme' : 'address'
        })
      return routeFor(internal ? 'any' : isLoopback ? 'public-or-loopback' : 'public')
    },
    async close() {
      await Promise.all([...made.values()].map(route => route.close()))
    }
  })
}

function matches(rule: string, host: string): boolean {
  return rule.startsWith('*.') ? host.endsWith(rule.slice(1)) : host === rule
}

/**
 * A rule as hosts of URLs are spelled: in lower case and ASCII.
 *
 * @throws ConfigurationError for what is no host: it would match nothing, and forbid nothing
 */
function hostRule(rule: string): string {
  const name = rule.replace(/^\*\./, '')
  const isAlone = !/[*:/?#@\\\s]/.test(name.replace(/^\[[0-9A-Fa-f:.]+\]$/, ''))
  const host = isAlone ? URL.parse(`http://${name}`)?.hostname : undefined
  if (!host)
    throw new ConfigurationError(
      'FST_OAUTH_OPTION',
      `connections: option "network" has ${JSON.stringify(rule)} among its hosts, which is not a host alone`
    )
  return `${rule.startsWith('*.') ? '*.' : ''}${bare(host)}`
}

/** With a dot at its end a name leads to the same host. */
function bare(host: string): string {
  return host.replace(/\.$/, '')
}

/** A refusal of the guard as an error of ours; null for anything else. */
export function asBlocked(error: unknown, server?: string): McpConnectionError | null {
  if (!isFetchRefusedError(error)) return null
  return new McpConnectionError('MCP_URL_BLOCKED', 'a URL of the server leads where this app must not go', {
    server,
    reason: error.reason,
    cause: error
  })
}
