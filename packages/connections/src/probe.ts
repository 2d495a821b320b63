/** What there is behind a URL, before anybody connects: every step of discovery, without stopping at what is wrong. */
import { assertUsable } from './authorize.ts'
import { waysToRegister } from './client-registration.ts'
import type { Context, ServerTarget } from './context.ts'
import { type Discovered, discover } from './discovery.ts'
import { asMcpConnectionError, type McpConnectionErrorCode } from './errors.ts'
import type { ServerDefinition } from './options.ts'
import { StepLog } from './step-log.ts'
import type { ProbeReport } from './types.ts'

/** Seconds between two clocks that do no harm: what is signed lives for a minute. */
const CLOCK_SKEW = 30

/** Of a URL that somebody typed. The same rules hold for it as for a registered server. */
export async function probe(context: Context, url: string): Promise<ProbeReport> {
  const definition: ServerDefinition = { url, auth: 'oauth', mode: 'per-user', transport: 'http' }
  return report(context, { server: { id: url, definition, source: 'stored', disabled: false }, definition })
}

/** Of a registered server, with its options. */
export async function diagnose(context: Context, id: string): Promise<ProbeReport> {
  const server = await context.registry.get(id)
  return report(context, { server, definition: server.definition })
}

async function report(context: Context, target: ServerTarget): Promise<ProbeReport> {
  const log = new StepLog()
  const found = await discover(context, target, log).catch((error: unknown) => {
    const known = asMcpConnectionError(error)
    if (known) return known
    throw error
  })
  const status = Number(/^status (\d+)/.exec(log.steps.find(({ step }) => step === 'server')?.detail ?? '')?.[1])
  const isOpen = status >= 200 && status < 300
  const failed = found instanceof Error
  // A server of today that says nothing, and takes what has no credential, wants none. A tool of it may still. Whoever neither says
  // anything nor asks for a credential is perhaps no MCP server at all: the places of 2025-03-26 would be a guess.
  const isBare = failed || (found.isLegacy && status !== 401 && status !== 403)
  const known = isBare || failed ? null : found
  return Object.freeze({
    url: target.definition.url,
    auth: known ? 'oauth' : isOpen ? 'none' : 'unknown',
    issuer: known?.issuer ?? null,
    resource: known?.resource ?? null,
    scopes: known?.challengeScopes ?? known?.scopesSupported ?? [],
    registration: known ? waysToRegister(context, target, known) : [],
    clockAhead: known?.clockAhead ?? null,
    error: takesTokens(target) ? (failed ? found.code : known && errorOf(context, target, known)) : null,
    problems: failed
      ? [found.message]
      : known
        ? problemsOf(context, target, known)
        : isOpen
          ? []
          : [strangeAnswer(status)],
    steps: log.steps
  })
}

function strangeAnswer(status: number): string {
  return `the server answers with status ${status}, and says nothing about authorization: is this the address of an MCP server?`
}

/** Of an authorization server: no other kind of server needs one to be connected. */
function takesTokens({ definition: { auth } }: ServerTarget): boolean {
  return auth !== 'none' && auth !== 'bearer' && auth !== 'header'
}

/** As a first connect would find it, with nothing sent. */
function errorOf(context: Context, target: ServerTarget, found: Discovered): McpConnectionErrorCode | null {
  try {
    if (target.definition.auth === 'oauth') assertUsable(target, found)
  } catch (error) {
    const known = asMcpConnectionError(error)
    if (!known) throw error
    return known.code
  }
  if (!needsClient(target)) return null
  if (waysToRegister(context, target, found).length === 0) return 'MCP_REGISTRATION_FAILED'
  return isClientOfAnother(context, target, found) ? 'MCP_ISSUER_MISMATCH' : null
}

/** A workload may need none beside its assertion. */
function needsClient({ definition: { auth, oauth } }: ServerTarget): boolean {
  return auth !== 'jwt_bearer' || oauth?.client !== undefined
}

function isClientOfAnother(context: Context, target: ServerTarget, found: Discovered): boolean {
  const [way] = waysToRegister(context, target, found)
  return way === 'preregistered' && target.definition.oauth?.client?.issuer !== found.issuer
}

function problemsOf(context: Context, target: ServerTarget, found: Discovered): string[] {
  const { metadata, isLegacy, resource, clockAhead } = found
  const problems: [boolean, string][] = [
    [
      !isLegacy && !metadata.code_challenge_methods_supported?.includes('S256'),
      'the authorization server does not say that it has PKCE (S256): "oauth.pkceUnadvertised"'
    ],
    [
      target.definition.auth === 'oauth' && metadata.authorization_endpoint === undefined,
      'the authorization server has no authorization endpoint'
    ],
    [
      isClientOfAnother(context, target, found),
      `"oauth.client" was registered with another authorization server than ${found.issuer}`
    ],
    [isLegacy, 'there is no metadata: endpoints of 2025-03-26 are assumed'],
    [resource === null && !isLegacy, 'the server has no resource metadata (RFC 9728)'],
    [
      Math.abs(clockAhead ?? 0) > CLOCK_SKEW,
      `the clock of the authorization server and ours are ${Math.abs(clockAhead ?? 0)} s apart: it may refuse what we sign`
    ],
    [metadata.revocation_endpoint === undefined, 'tokens cannot be revoked there'],
    [
      needsClient(target) && waysToRegister(context, target, found).length === 0,
      'a client has to be registered there by hand: "oauth.client"'
    ]
  ]
  return problems.filter(([isSo]) => isSo).map(([, text]) => text)
}
