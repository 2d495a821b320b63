/** Who may talk to a fake MCP server, and what the others are told. @see RFC 9728 section 5.1, RFC 6750 section 3 */
import { type Clock, formatChallenge } from '@fastify-mcp-auth/core'
import { RefusedRequest } from '../authorization-server/context.ts'
import { checkProof, nonceAt } from '../authorization-server/dpop-proof.ts'
import { type Answer, jsonAnswer, type ReceivedRequest } from '../loopback/server.ts'
import type { McpServerBehaviour, ResourceMetadataPlace, Visitor } from './behaviour.ts'

/** What the protection needs to know of its server. */
export interface ProtectionContext {
  readonly resource: string
  readonly behaviour: McpServerBehaviour
  readonly clock: Clock
  readonly verify: (token: string) => Visitor | null | Promise<Visitor | null>
  readonly proofIds: Set<string>
}

const NOBODY: Visitor = { subject: 'anonymous', scopes: [], token: null }

/** @returns the visitor, or the answer that turns the request away */
export async function admit(
  context: ProtectionContext,
  request: ReceivedRequest,
  methods: readonly string[]
): Promise<Visitor | Answer> {
  const { behaviour } = context
  const isPublic = methods.length > 0 && methods.every(method => behaviour.publicMethods.includes(method))
  if (behaviour.authentication === 'none') return NOBODY
  if (behaviour.authentication === 'key') {
    const visitor = visitorByKey(behaviour, request)
    return visitor ?? (isPublic ? NOBODY : jsonAnswer(401, { error: 'unknown key' }))
  }
  const [, scheme = '', token = ''] = /^(Bearer|DPoP) (\S+)$/i.exec(request.headers['authorization'] ?? '') ?? []
  if (token === '') return isPublic ? NOBODY : unauthorized(context, {})
  const visitor = behaviour.rejectsEveryToken ? null : await context.verify(token)
  if (!visitor) return unauthorized(context, { error: 'invalid_token' })
  return (await proofProblem(context, request, { scheme, visitor })) ?? visitor
}

/** 403 for a token that lacks scopes. @see MCP authorization, "Scope Challenge Handling" */
export function insufficientScope(context: ProtectionContext, scopes: readonly string[]): Answer {
  return challenge(context, 403, { error: 'insufficient_scope', scope: scopes.join(' ') })
}

/** @see RFC 9728 section 2 */
export function resourceMetadata({ resource, behaviour }: ProtectionContext): Record<string, unknown> {
  const members = {
    resource,
    authorization_servers: behaviour.authorizationServers,
    bearer_methods_supported: ['header'],
    scopes_supported: behaviour.scopesSupported ?? undefined,
    ...behaviour.metadata
  }
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

/** Where the metadata of a resource is, or would be. */
export function metadataUrl(resource: string, place: ResourceMetadataPlace): string {
  const { origin, pathname } = new URL(resource)
  const paths = {
    path: `/.well-known/oauth-protected-resource${pathname}`,
    root: '/.well-known/oauth-protected-resource',
    elsewhere: '/resource-metadata.json'
  }
  return `${origin}${paths[place]}`
}

function visitorByKey({ keyHeader, keys }: McpServerBehaviour, request: ReceivedRequest): Visitor | null {
  const value = request.headers[keyHeader.name.toLowerCase()] ?? ''
  const key = value.startsWith(keyHeader.prefix) ? value.slice(keyHeader.prefix.length) : ''
  const subject = keys.get(key)
  return subject === undefined ? null : { subject, scopes: [], token: key }
}

/** A token that is bound to a key needs a proof of it; a bearer token needs none. @see RFC 9449 section 7 */
async function proofProblem(
  context: ProtectionContext,
  request: ReceivedRequest,
  { scheme, visitor }: { scheme: string; visitor: Visitor }
): Promise<Answer | null> {
  const { resource, behaviour, clock, proofIds } = context
  if (!visitor.dpopJkt) return null
  if (scheme.toLowerCase() !== 'dpop') return unauthorized(context, { error: 'invalid_token' })
  const nonce = nonceAt(clock.now(), behaviour.dpopNonceLifetime)
  try {
    const expected = { url: resource, now: clock.now(), nonce, accessToken: visitor.token, seen: proofIds }
    const thumbprint = await checkProof(request, expected)
    return thumbprint === visitor.dpopJkt ? null : unauthorized(context, { error: 'invalid_token' })
  } catch (error) {
    if (!(error instanceof RefusedRequest)) throw error
    const answer = challenge(context, 401, { error: error.error }, 'DPoP')
    return { ...answer, headers: { ...answer.headers, ...error.headers } }
  }
}

function unauthorized(context: ProtectionContext, params: Record<string, string>): Answer {
  const { challengeScope } = context.behaviour
  return challenge(context, 401, { ...params, ...(challengeScope === null ? {} : { scope: challengeScope }) })
}

function challenge(
  { resource, behaviour }: ProtectionContext,
  status: number,
  params: Record<string, string>,
  scheme = 'Bearer'
): Answer {
  const place = behaviour.metadataAt[0]
  const names = behaviour.challengeNamesMetadata && place !== undefined
  const all = { ...params, ...(names ? { resource_metadata: metadataUrl(resource, place) } : {}) }
  return jsonAnswer(
    status,
    { error: params['error'] ?? 'unauthorized' },
    {
      'www-authenticate': formatChallenge(scheme, all)
    }
  )
}
