/** A contender has to issue properly before anybody measures how fast it is. */
import { createLocalJWKSet, jwtVerify } from 'jose'
import type { Answer } from '../connection.ts'
import { authorizationParameters, Client, readTokens } from './client.ts'
import { type Issuing, issuerOf } from './issuing.ts'

/** @returns what it does wrong; nothing when a flow ends in tokens that verify, and what must be refused is */
export async function disprove(issuing: Issuing): Promise<string[]> {
  const client = await Client.open(issuing)
  const complaints: string[] = []
  const expect = (what: string, holds: boolean): void => {
    if (!holds) complaints.push(what)
  }
  try {
    const tokens = await client.connect()
    expect('the access token does not verify', await verifies(client, issuing, tokens.access_token))
    const refreshed = readTokens(await client.refresh(tokens.refresh_token))
    expect('the refreshed access token does not verify', await verifies(client, issuing, refreshed.access_token))
    expect('the refresh token was not rotated', refreshed.refresh_token !== tokens.refresh_token)

    for (const complaint of await disproveIntrospection(client, tokens.access_token)) complaints.push(complaint)

    const wrongVerifier = await client.redeem(
      await client.authorize(),
      'another-verifier-of-forty-three-characters-000'
    )
    expect(`a wrong code_verifier: ${wrongVerifier.status}`, isRefused(wrongVerifier))
    const code = await client.authorize()
    readTokens(await client.redeem(code))
    const replayed = await client.redeem(code)
    expect(`a code for the second time: ${replayed.status}`, isRefused(replayed))
    const elsewhere = { ...authorizationParameters(issuing), redirect_uri: 'https://elsewhere.example/' }
    const stolen = await client.authorize(new URLSearchParams(elsewhere).toString()).catch(() => null)
    expect('an unknown redirect URI got a code', stolen === null)
  } finally {
    client.close()
  }
  return complaints
}

/** Only where there is any. Who does not know JWTs there says that they are not active, which is left to the opaque ones. */
async function disproveIntrospection(client: Client, jwt: string): Promise<string[]> {
  const { introspect: path } = client.endpoints
  if (path === null) return []
  const tokens = [jwt, (await client.connectOpaque()).access_token]
  const answers: Answer[] = []
  for (const token of tokens) answers.push(await client.introspect(path, token))
  const invented = `${jwt.slice(0, -8)}AAAAAAAA`
  const stranger = await client.post(path, { token: jwt, client_id: 'benchmark' })
  return [
    ...(answers.some(isActive) ? [] : ['no good token is active']),
    ...(isActive(await client.introspect(path, invented)) ? ['an invented token is active'] : []),
    ...(isActive(stranger) ? ['somebody without a secret is told about a token'] : [])
  ]
}

/** RFC 6749 section 5.2 says 400; one of them says 401. */
const isRefused = ({ status }: Answer): boolean => status === 400 || status === 401

export function isActive({ status, body }: Answer): boolean {
  return status === 200 && JSON.parse(body).active === true
}

async function verifies(client: Client, issuing: Issuing, token: string): Promise<boolean> {
  const { body } = await client.get(client.endpoints.jwks)
  const keys = createLocalJWKSet(JSON.parse(body))
  const expected = { algorithms: ['ES256'], issuer: issuerOf(issuing), audience: issuing.resource, typ: 'at+jwt' }
  const verified = await jwtVerify(token, keys, expected).catch(() => null)
  // One of them gives no refresh token without a scope of its own besides.
  const scopes = String(verified?.payload['scope']).split(' ')
  return issuing.scope.split(' ').every(scope => scopes.includes(scope))
}
