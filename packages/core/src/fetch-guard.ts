/**
 * Where a fetch may go: the rules for URLs, and a connector for undici that holds to them while it connects.
 *
 * @see RFC 9728 section 7.7
 */
import { lookup as dnsLookup } from 'node:dns/promises'
import { isIP, type LookupFunction, type Socket } from 'node:net'
import type { buildConnector } from 'undici'
import { addressKind } from './address.ts'
import { FetchRefusedError } from './fetch-errors.ts'
import type { MakeConnector } from './http-client.ts'
import { isLoopbackHost } from './issuer.ts'

/** `public`: what a stranger chose. `public-or-loopback`: development. `any`: the operator chose the URL. */
export type AllowedAddresses = 'public' | 'public-or-loopback' | 'any'

/** Resolves a host name to all of its addresses. */
export type Lookup = (hostname: string) => Promise<readonly string[]>

/** @throws FetchRefusedError unless it is https, or plain http where that is tolerated, without user information */
export function acceptableUrl(text: string, addresses: AllowedAddresses): URL {
  const url = URL.parse(text)
  if (!url) throw new FetchRefusedError('url', 'not an absolute URL')
  const where = `${url.protocol}//${url.host}`
  if (url.username !== '' || url.password !== '')
    throw new FetchRefusedError('credentials', `${where}: a URL must not contain user information`)
  const plain = addresses === 'any' || (addresses === 'public-or-loopback' && isLoopbackHost(url.hostname))
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && plain))
    throw new FetchRefusedError('scheme', `${where}: only https is allowed`)
  return url
}

/** Names that do not resolve are an outage: the resolver may be what is down. */
export class LookupError extends Error {}

export async function systemLookup(hostname: string): Promise<readonly string[]> {
  const found = await dnsLookup(hostname, { all: true })
  return found.map(({ address }) => address)
}

/**
 * Checks an address given in the URL before connecting, every address of a name while connecting, and the address that the
 * socket really reached. What was checked is what gets connected: nothing resolves the name a second time.
 */
export function guardedConnector(
  addresses: AllowedAddresses,
  resolve: Lookup,
  timeout: number,
  proxy?: string
): MakeConnector {
  if (proxy !== undefined) return tunnelledConnector({ addresses, resolve, timeout, proxy: new URL(proxy) })
  const lookup: LookupFunction = (hostname, options, callback) => {
    resolveChecked(hostname, { addresses, resolve, family: Number(options.family) || 0 }).then(
      found => {
        const [first] = found
        if (options.all) callback(null, found)
        else if (first) callback(null, first.address, first.family)
      },
      error => callback(error, [])
    )
  }
  return build => {
    const connect = build({ lookup, timeout, allowH2: false })
    return (target, callback) => {
      // A socket never asks `lookup` about an address that is already one.
      const literal = isIP(target.hostname) === 0 ? null : target.hostname
      if (literal !== null && !isAllowed(literal, addresses)) return callback(addressRefused(), null)
      connect(target, (...[error, socket]) => {
        if (error) return callback(error, null)
        if (socket.remoteAddress !== undefined && isAllowed(socket.remoteAddress, addresses))
          return callback(null, socket)
        socket.destroy()
        callback(addressRefused(), null)
      })
    }
  }
}

interface Tunnel {
  readonly addresses: AllowedAddresses
  readonly resolve: Lookup
  readonly timeout: number
  /** The operator's own: its address is not checked. */
  readonly proxy: URL
}

/** The same through a proxy, which is asked for the address that was checked, so that it resolves no name by itself. */
function tunnelledConnector(tunnel: Tunnel): MakeConnector {
  return build => {
    const secure = build({ timeout: tunnel.timeout, allowH2: false })
    return (target, callback) => {
      openTunnel(tunnel, target).then(
        socket =>
          target.protocol === 'https:' ? secure({ ...target, httpSocket: socket }, callback) : callback(null, socket),
        error => callback(error, null)
      )
    }
  }
}

/** @see RFC 9110 section 9.3.6 */
async function openTunnel(
  { addresses, resolve, timeout, proxy }: Tunnel,
  { hostname, protocol, port }: buildConnector.Options
): Promise<Socket> {
  if (isIP(hostname) !== 0 && !isAllowed(hostname, addresses)) throw addressRefused()
  const found = isIP(hostname) === 0 ? await resolveChecked(hostname, { addresses, resolve, family: 0 }) : []
  const address = found[0]?.address ?? hostname
  const authority = `${isIP(address) === 6 ? `[${address}]` : address}:${port || (protocol === 'https:' ? 443 : 80)}`
  const { username, password } = proxy
  const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  const headers = {
    host: authority,
    ...(username === '' ? {} : { 'proxy-authorization': `Basic ${Buffer.from(user).toString('base64')}` })
  }
  // With the first tunnel, because an import of node:http loads the fetch of Node too.
  const { request: send } = await (proxy.protocol === 'https:' ? import('node:https') : import('node:http'))
  return new Promise((done, failed) => {
    const asked = send({
      host: proxy.hostname.replace(/^\[|\]$/g, ''),
      port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
      method: 'CONNECT',
      path: authority,
      headers,
      agent: false
    })
    asked.setTimeout(timeout, () => asked.destroy(Object.assign(new Error('no answer'), { code: 'PROXY_TIMEOUT' })))
    asked.once('error', failed)
    asked.once('response', ({ statusCode }) => failed(new Error(`the proxy answers ${statusCode}`)))
    asked.once('connect', ({ statusCode }, socket) => {
      socket.setTimeout(0)
      if (statusCode === 200) return done(socket)
      socket.destroy()
      failed(new Error(`the proxy answers ${statusCode}`))
    })
    asked.end()
  })
}

/** @returns what is wrong with it, or null */
export function proxyFault(proxy: string | undefined): string | null {
  if (proxy === undefined) return null
  const url = URL.parse(proxy)
  const isOrigin = url && (url.protocol === 'http:' || url.protocol === 'https:') && url.pathname === '/' && !url.search
  return isOrigin ? null : 'must be the http or https URL of a proxy, without a path'
}

async function resolveChecked(
  hostname: string,
  guard: {
    addresses: AllowedAddresses
    resolve: Lookup
    family: number
  }
): Promise<{ address: string; family: number }[]> {
  const found = await guard.resolve(hostname).catch((cause: unknown) => {
    throw new LookupError('lookup failed', { cause })
  })
  // One bad address spoils the name: which one gets connected is not ours to say.
  if (!found.every(address => isAllowed(address, guard.addresses))) throw addressRefused()
  const usable = found
    .map(address => ({ address, family: isIP(address) }))
    .filter(({ family }) => family !== 0 && (guard.family === 0 || family === guard.family))
  if (usable.length === 0) throw new LookupError('no address')
  return usable
}

function isAllowed(address: string, addresses: AllowedAddresses): boolean {
  if (addresses === 'any') return isIP(address) !== 0
  const kind = addressKind(address)
  return kind === 'public' || (kind === 'loopback' && addresses === 'public-or-loopback')
}

function addressRefused(): FetchRefusedError {
  return new FetchRefusedError('address', 'leads to an address that is not allowed')
}
