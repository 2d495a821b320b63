/** A request that can be trusted is frozen, and the person is sent to sign in or to decide; or is not needed. */
import { OAuthError } from '@fastify-mcp-auth/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Client } from '../clients/client.ts'
import { renewClient } from '../clients/resolve.ts'
import { pageUrl, type ServerContext } from '../context.ts'
import { attachProps, storeGrant, tellOfApproval } from '../grants/lifecycle.ts'
import { sectorOf } from '../openid/pairwise.ts'
import type { FrozenRequest } from '../records.ts'
import type { Session } from '../users.ts'
import { startInteraction } from './interaction.ts'
import type { AuthorizationRequest, TrustedClient } from './request.ts'
import { codeResponse } from './response.ts'
import { isWanted, loginTarget } from './sign-in.ts'
import { isStillRemembered, rememberedGrant } from './without-page.ts'

/**
 * @returns where the browser goes next
 * @throws OAuthError for the redirect: with `prompt=none`, when somebody would have to be asked
 */
export async function startAuthorization(
  server: ServerContext,
  { trusted, asked }: { trusted: TrustedClient; asked: AuthorizationRequest },
  http: { request: FastifyRequest; reply: FastifyReply }
): Promise<string> {
  const frozen = freeze(trusted, asked)
  const session = await server.users.session(http.request)
  const wantsLogin = frozen.prompts.includes('login') || frozen.prompts.includes('select_account')
  const present = session !== null && isWanted(server, session, frozen) && !wantsLogin ? session : null
  const answer = present && (await answerWithoutPage(server, { trusted, frozen }, present))
  if (answer) return answer
  if (frozen.prompts.includes('none')) throw present ? consentRequired() : loginRequired()
  const page = pageUrl(server, await startInteraction(server, frozen, http))
  return present ? page : server.users.loginUrl(loginTarget(page, frozen))
}

async function answerWithoutPage(
  server: ServerContext,
  { trusted, frozen }: { trusted: TrustedClient; frozen: FrozenRequest },
  session: Session
): Promise<string | null> {
  const grant = await rememberedGrant(server, frozen, session)
  if (!grant) return null
  const { grantId } = grant
  await renewClient(server, frozen.clientId, grant.record.endsAt)
  await storeGrant(server, { grantId, record: await attachProps(server, grant) })
  if (!(await isStillRemembered(server, grant))) return null
  tellOfApproval(server, grant)
  return codeResponse(server.issuer, trusted, grant.code)
}

const loginRequired = (): OAuthError => new OAuthError('login_required', 'the person has to sign in')
const consentRequired = (): OAuthError => new OAuthError('consent_required', 'the person has to be asked')

/** What is kept of a client for as long as it is being decided about. */
export function clientFacts(client: Client): Pick<FrozenRequest, 'clientId' | 'client' | 'sector'> {
  const { clientId, name, names, verifiedHost, clientUri, logoUri, policyUri, tosUri } = client
  const refreshable = client.grantTypes.includes('refresh_token')
  return {
    clientId,
    client: { name, names, verifiedHost, clientUri, logoUri, policyUri, tosUri, refreshable },
    sector: sectorOf(client)
  }
}

function freeze({ client, redirectUri, state }: TrustedClient, asked: AuthorizationRequest): FrozenRequest {
  return {
    ...clientFacts(client),
    redirectUri,
    state,
    resources: [...asked.resources],
    scopes: [...asked.scopes],
    codeChallenge: asked.codeChallenge,
    nonce: asked.nonce,
    device: null,
    prompts: asked.prompts,
    signedInSince: asked.signedInSince,
    hintedSub: asked.hintedSub,
    hints: asked.hints
  }
}
