/**
 * Scheme, Host and Origin of requests to protected routes, against DNS rebinding and foreign web pages, and the CORS headers for the pages
 * that may call: both from one list, because a preflight that promises what the check then refuses helps nobody.
 *
 * @see MCP Streamable HTTP, security warning; Fetch standard section 3.2
 */
import { isHttpLoopback, isLoopbackHost } from '@fastify-mcp-auth/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RefusedRequestError, RPC_CODES } from './errors.ts'
import type { Options } from './options.ts'

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]']
const HOST = /^(\[[0-9a-f:.]+\]|[^\s:@/?#\\]+)(?::\d+)?$/
const HEADER_NAME = /^mcp-param-[!#$%&'*+.^_`|~0-9a-z-]+$/

const ALLOW_METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE'
const ALLOW_HEADERS =
  'Authorization, Content-Type, Accept, Last-Event-ID, MCP-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name'
const EXPOSE_HEADERS = 'WWW-Authenticate, MCP-Protocol-Version, Mcp-Session-Id'
const PREFLIGHT_MAX_AGE = '600'

/** Who may knock. Built once. */
export interface Admission {
  readonly onlyHttps: boolean
  readonly hosts: ReadonlySet<string>
  readonly anyHost: boolean
  readonly origins: ReadonlySet<string>
  readonly anyOrigin: boolean
  readonly cors: boolean
}

export function createAdmission(
  options: Pick<Options, 'resource' | 'allowedHosts' | 'allowedOrigins' | 'cors' | 'requireHttps'>
): Admission {
  const { hostname, origin } = new URL(options.resource)
  const names = isLoopbackHost(hostname) ? LOOPBACK : [hostname]
  const hosts = new Set((options.allowedHosts ?? names).map(host => host.toLowerCase()))
  const own = isHttpLoopback(options.resource) ? LOOPBACK.map(name => origin.replace(hostname, name)) : [origin]
  const origins = new Set((options.allowedOrigins ?? own).map(normalizeOrigin))
  const onlyHttps = options.requireHttps && options.resource.startsWith('https:')
  return { onlyHttps, hosts, anyHost: hosts.has('*'), origins, anyOrigin: origins.has('*'), cors: options.cors }
}

// Browsers send host names in lower case and leave the default port out; people do not.
function normalizeOrigin(origin: string): string {
  const parsed = URL.parse(origin)
  return parsed && parsed.origin !== 'null' ? parsed.origin : origin.toLowerCase()
}

/**
 * Does not look at `X-Forwarded-Proto` by itself: Fastify does, for the proxies that it was told to trust.
 *
 * @throws RefusedRequestError 403
 */
function assertHttps(admission: Admission, request: FastifyRequest): void {
  if (admission.onlyHttps && request.protocol !== 'https')
    throw new RefusedRequestError(
      403,
      'plain http is not accepted here (a proxy in front has to send "X-Forwarded-Proto", and option "trustProxy" of Fastify to name it)',
      { rpcCode: RPC_CODES.unauthorized, reason: 'plain_http' }
    )
}

/**
 * Refuses plain http first. Reads the header itself, never `X-Forwarded-Host`: a page can set that one. A target that names a host counts
 * before the header, and the header, which handlers read all the same, has to be good as well.
 *
 * @see RFC 9112 section 3.2.2
 * @throws RefusedRequestError 403
 */
export function assertHost(admission: Admission, request: FastifyRequest): void {
  assertHttps(admission, request)
  if (admission.anyHost) return
  const { headers, originalUrl } = request
  const isOrigin = originalUrl.startsWith('/')
  if (
    isAllowedHost(admission, headers[':authority'] ?? headers.host) &&
    (isOrigin || isOwnTarget(admission, originalUrl))
  )
    return
  throw new RefusedRequestError(403, 'this host name is not allowed here (option "allowedHosts")', {
    rpcCode: RPC_CODES.unauthorized,
    reason: 'host'
  })
}

function isAllowedHost({ hosts }: Admission, host: unknown): boolean {
  if (typeof host !== 'string') return false
  // By its bare name, as nearly all callers write it.
  if (hosts.has(host)) return true
  // With a port that cannot be, handlers that build a URL from the header would fail.
  const name = URL.canParse(`http://${host}/`) ? HOST.exec(host.toLowerCase())?.[1] : undefined
  return name !== undefined && hosts.has(name)
}

function isOwnTarget(admission: Admission, target: string): boolean {
  const authority = /^[a-z][a-z0-9+.-]*:\/\/([^/?#\\]*)/i.exec(target)?.[1]
  return authority === undefined || isAllowedHost(admission, authority)
}

/**
 * Sets the CORS headers on the way, so that a page can read a refusal too.
 *
 * @throws RefusedRequestError 403 for an origin that is present and not allowed
 */
export function assertOrigin(admission: Admission, request: FastifyRequest, reply: FastifyReply): void {
  const { origin } = request.headers
  if (admission.cors && !admission.anyOrigin) varyByOrigin(reply)
  if (origin === undefined) return
  if (!admission.anyOrigin && !admission.origins.has(origin))
    throw new RefusedRequestError(403, 'this origin is not allowed here (option "allowedOrigins")', {
      rpcCode: RPC_CODES.unauthorized,
      reason: 'origin'
    })
  if (!admission.cors) return
  reply.header('access-control-allow-origin', admission.anyOrigin ? '*' : origin)
  reply.header('access-control-expose-headers', EXPOSE_HEADERS)
}

function varyByOrigin(reply: FastifyReply): void {
  const before = reply.getHeader('vary')
  if (before === undefined) {
    reply.header('vary', 'Origin')
    return
  }
  const fields = [before].flat().join(', ')
  if (!/(^|,)\s*(origin|\*)\s*(,|$)/i.test(fields)) reply.header('vary', fields === '' ? 'Origin' : `${fields}, Origin`)
}

/** Whether a browser asks for permission. It never sends credentials with the question. */
export function isPreflight(request: FastifyRequest): boolean {
  return request.method === 'OPTIONS' && 'access-control-request-method' in request.headers
}

/**
 * Says what browsers may send. The origin was checked before.
 *
 * @see Fetch standard section 4.8
 */
export function answerPreflight(admission: Admission, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (admission.cors && request.headers.origin !== undefined) {
    reply.header('access-control-allow-methods', ALLOW_METHODS)
    reply.header('access-control-allow-headers', [ALLOW_HEADERS, ...mirroredParameters(request)].join(', '))
    reply.header('access-control-max-age', PREFLIGHT_MAX_AGE)
  }
  return reply.code(204).send()
}

// Mcp-Param-* has no fixed names, and a wildcard in the middle of a name is not a thing: those asked for are repeated.
function mirroredParameters(request: FastifyRequest): string[] {
  const asked = request.headers['access-control-request-headers'] ?? ''
  return asked
    .toLowerCase()
    .split(',')
    .map(name => name.trim())
    .filter(name => HEADER_NAME.test(name))
}
