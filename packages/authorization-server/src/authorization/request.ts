/**
 * An authorization request is read in two steps: first the client and its redirect URI are trusted, where a failure is a page;
 * then the rest is read, where a failure is told to the client by redirect. The second step needs what the first returns.
 *
 * @see RFC 6749 section 4.1.1, RFC 7636 section 4.3, RFC 8707 section 2
 */
import { InteractionError, isOAuthError, OAuthError, redirectUriMatches } from '@fastify-mcp-auth/core'
import { requestedScopes } from '../catalogue.ts'
import type { Client } from '../clients/client.ts'
import { resolveClient } from '../clients/resolve.ts'
import type { ServerContext } from '../context.ts'
import { type Form, isParameterValue, readForm, resourcesOf } from '../form-body.ts'
import { readIdTokenHint } from '../openid/id-token-hint.ts'
import type { TrustedRedirect } from './response.ts'
import { readSignIn, type SignIn } from './sign-in.ts'

/** Parameters as they came: what is there twice is a list. */
export type Query = Readonly<Record<string, unknown>>

export interface TrustedClient extends TrustedRedirect {
  readonly client: Client
}

/**
 * @throws InteractionError `invalid_request`, `unknown_client`, `client_metadata`, `redirect_uri`: a page, never a redirect
 * @throws UnavailableError
 */
export async function trustClient(server: ServerContext, query: Query): Promise<TrustedClient> {
  const clientId = single(query, 'client_id')
  if (clientId === null) throw new InteractionError('invalid_request')
  const client = await findClient(server, clientId)
  const redirectUri = single(query, 'redirect_uri') ?? onlyRedirectUri(client, query)
  if (!client.redirectUris.some(registered => redirectUriMatches(registered, redirectUri))) {
    throw new InteractionError('redirect_uri', { clientName: client.name })
  }
  return { client, redirectUri, state: single(query, 'state') }
}

function single(query: Query, name: string): string | null {
  const value = query[name]
  return isParameterValue(value) && value !== '' ? value : null
}

/** @throws InteractionError `unknown_client`, `client_forgotten`, `client_metadata`; UnavailableError */
export async function findClient(server: ServerContext, clientId: string): Promise<Client> {
  try {
    const client = await resolveClient(server, clientId)
    if (client) return client
  } catch (error) {
    if (isOAuthError(error)) throw new InteractionError('client_metadata', { cause: error })
    throw error
  }
  throw new InteractionError('unknown_client')
}

// OAuth 2.1 section 4.1.1: it may be left out when there is only one. A portless loopback URI says too little to be that one.
function onlyRedirectUri(client: Client, query: Query): string {
  const [only] = client.redirectUris
  const { redirect_uri: given } = query
  if (
    (given === undefined || given === '') &&
    only !== undefined &&
    client.redirectUris.length === 1 &&
    only.startsWith('https:')
  )
    return only
  throw new InteractionError('redirect_uri', { clientName: client.name })
}

const PARAMETERS = [
  'client_id',
  'redirect_uri',
  'state',
  'response_type',
  'response_mode',
  'scope',
  'resource',
  'code_challenge',
  'code_challenge_method',
  'nonce',
  'prompt',
  'max_age',
  'id_token_hint',
  'login_hint',
  'ui_locales',
  'acr_values',
  'display'
] as const

/** What of a request is read at all, and so worth keeping; to be read again as if it had come like that. */
export function knownParameters(form: Form): Query {
  const given = PARAMETERS.flatMap(name => (form[name] === undefined ? [] : [[name, form[name]] as const]))
  return { ...Object.fromEntries(given), resource: resourcesOf(form.resource) }
}

/** What a person will be asked, as the client put it. */
export interface AuthorizationRequest extends SignIn {
  readonly resources: readonly string[]
  readonly scopes: readonly string[]
  readonly codeChallenge: string
  /** Goes into the ID token. @see OpenID Connect Core section 3.1.2.1 */
  readonly nonce: string | null
  /** `sub` of the only person that the client wants an answer for; null for whoever is there. */
  readonly hintedSub: string | null
}

/**
 * @param trusted proof that a failure may be told by redirect
 * @param source `pushed` when the client itself brought the parameters
 * @throws OAuthError for the redirect
 * @throws UnavailableError
 */
export async function readRequest(
  server: ServerContext,
  { client }: TrustedClient,
  query: unknown,
  { pushed }: { pushed: boolean }
): Promise<AuthorizationRequest> {
  const form = readForm(query)
  if (form.request !== undefined) throw new OAuthError('request_not_supported', 'request objects are not supported')
  if (form.request_uri !== undefined) throw new OAuthError('request_uri_not_supported', 'request_uri is not supported')
  if (!pushed && (client.pushesRequests || server.options.pushedAuthorizationRequests === 'required'))
    throw new OAuthError('invalid_request', 'a pushed authorization request is required', { reason: 'not_pushed' })
  if (form.registration !== undefined)
    throw new OAuthError('registration_not_supported', 'registration is not supported')
  assertResponseType(form)
  if (!client.grantTypes.includes('authorization_code'))
    throw new OAuthError('unauthorized_client', 'the client did not register the grant_type authorization_code')
  const policy = server.catalogue.resolveAll(resourcesOf(form.resource))
  return {
    resources: policy.resources.map(({ resource }) => resource),
    scopes: requestedScopes(policy, form.scope),
    codeChallenge: readCodeChallenge(form),
    nonce: form.nonce ?? null,
    hintedSub: await readHintedSub(server, client, form.id_token_hint),
    ...readSignIn(form, server.clock.now())
  }
}

function assertResponseType(form: Form): void {
  if (form.response_type === undefined) throw new OAuthError('invalid_request', 'response_type is missing')
  if (form.response_type !== 'code') throw new OAuthError('unsupported_response_type', 'response_type must be code')
  if (form.response_mode !== undefined && form.response_mode !== 'query')
    throw new OAuthError('invalid_request', 'response_mode must be query')
}

async function readHintedSub(
  server: ServerContext,
  { clientId }: Client,
  idToken: string | undefined
): Promise<string | null> {
  if (!server.options.openid || idToken === undefined) return null
  const hint = await readIdTokenHint(server, idToken)
  // To go on without it would be to answer for anybody.
  if (hint?.clientId !== clientId)
    throw new OAuthError('invalid_request', 'id_token_hint is not an ID token of this client', {
      reason: 'id_token_hint'
    })
  return hint.sub
}

// For every client, public or not; a missing method would mean plain (RFC 7636 section 4.3), which is not accepted.
function readCodeChallenge(form: Form): string {
  const challenge = form.code_challenge
  if (challenge === undefined)
    throw new OAuthError('invalid_request', 'code_challenge is missing', { reason: 'pkce_missing' })
  if (form.code_challenge_method !== 'S256')
    throw new OAuthError('invalid_request', 'code_challenge_method must be S256', { reason: 'pkce_method' })
  if (!/^[A-Za-z0-9_-]{43}$/.test(challenge))
    throw new OAuthError('invalid_request', 'code_challenge is malformed', { reason: 'pkce_malformed' })
  return challenge
}
