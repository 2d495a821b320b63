/** `oidc-provider` over HTTP, where alice signs in without being asked for anything but her name. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider, { type Configuration } from 'oidc-provider'
import type { Test } from 'tap'
import type { Upstream } from '../openid.ts'

export interface OpenIdProvider {
  readonly upstream: Upstream
  /** Who signs in there; null is somebody who changes their mind. */
  person: string | null
  /** What was asked at its authorization endpoint. */
  readonly asked: URLSearchParams[]
}

export async function startProvider(t: Test, redirectUri: string): Promise<OpenIdProvider> {
  let provider: Provider
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://provider')
    if (pathname === '/auth') running.asked.push(searchParams)
    if (pathname.startsWith('/interaction/')) void answer(provider, running.person, request, response)
    else void provider.callback()(request, response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close().closeAllConnections())
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const running: OpenIdProvider = {
    upstream: { issuer, clientId: 'acme', clientSecret: 'a secret between two servers' },
    person: 'alice',
    asked: []
  }
  provider = new Provider(issuer, configuration(running.upstream, redirectUri))
  return running
}

function configuration({ clientId, clientSecret }: Upstream, redirectUri: string): Configuration {
  return {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: [redirectUri],
        require_auth_time: true
      }
    ],
    cookies: { keys: ['a-key-for-signing-cookies'] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    ttl: { Grant: 86_400, Interaction: 900, Session: 86_400, IdToken: 300, AccessToken: 300 }
  }
}

async function answer(
  provider: Provider,
  person: string | null,
  request: IncomingMessage,
  response: ServerResponse
): Promise<void> {
  const { params } = await provider.interactionDetails(request, response)
  if (person === null) {
    await provider.interactionFinished(request, response, { error: 'access_denied' })
    return
  }
  const grant = new provider.Grant({ accountId: person, clientId: String(params['client_id']) })
  grant.addOIDCScope('openid')
  const consent = { grantId: await grant.save() }
  await provider.interactionFinished(request, response, { login: { accountId: person }, consent })
}
