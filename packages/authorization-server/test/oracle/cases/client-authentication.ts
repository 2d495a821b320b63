/** How clients prove themselves at the token endpoint, and how they do not. */
import {
  authorize,
  type Bends,
  basic,
  type ClientName,
  encode,
  post,
  SECRET,
  type Side,
  VERIFIER,
  WEB_CALLBACK
} from '../side.ts'
import type { OracleCase } from './case.ts'

interface Proof {
  readonly headers?: { readonly [name: string]: string }
  readonly parameters?: Bends
}

function prove(name: string, proof: Proof | ((side: Side) => Promise<Proof>), client: ClientName = 'web'): OracleCase {
  return {
    name: `client: ${name}`,
    run: async side => {
      const { headers = {}, parameters = {} } = typeof proof === 'function' ? await proof(side) : proof
      const { code } = await authorize(side, client)
      const grant = { grant_type: 'authorization_code', code, code_verifier: VERIFIER, redirect_uri: WEB_CALLBACK }
      return post(side, 'token', { ...grant, ...parameters }, { headers })
    }
  }
}

const GOOD = basic(encode('web'), encode(SECRET))
const [, credentials = ''] = GOOD.authorization.split(' ')

const SECRET_CASES: OracleCase[] = [
  prove('secret in the header', { headers: GOOD }),
  prove('secret in the header, and its client_id in the body', { headers: GOOD, parameters: { client_id: 'web' } }),
  prove('secret in the header, and another client_id', { headers: GOOD, parameters: { client_id: 'other' } }),
  prove('scheme in lower case', { headers: { authorization: `basic ${credentials}` } }),
  prove('scheme Bearer', { headers: { authorization: `Bearer ${credentials}` } }),
  prove('secret not form-encoded', { headers: basic('web', SECRET) }),
  prove('wrong secret', { headers: basic('web', 'wrong') }),
  prove('empty secret', { headers: basic('web', '') }),
  prove('no colon', { headers: { authorization: `Basic ${Buffer.from('web').toString('base64')}` } }),
  prove('no base64', { headers: { authorization: 'Basic !!!' } }),
  prove('base64 with a stray character', { headers: { authorization: `Basic ${credentials}!` } }),
  prove('base64 without padding', { headers: { authorization: `Basic ${credentials.replace(/=+$/, '')}` } }),
  prove('nothing behind the scheme', { headers: { authorization: 'Basic' } }),
  prove('a broken percent sign in the secret', { headers: basic('web', '%zz') }),
  prove('unknown client', { headers: basic('nobody', 'x') }),
  prove('nobody', {}),
  prove('only the client_id of a client with a secret', { parameters: { client_id: 'web' } }),
  prove('wrong secret in the body', { parameters: { client_id: 'web', client_secret: 'wrong' } }),
  prove('secret in the header and in the body', {
    headers: GOOD,
    parameters: { client_id: 'web', client_secret: SECRET }
  }),
  prove('secret twice', { parameters: { client_id: 'web', client_secret: [SECRET, SECRET] } })
]

const TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const now = (): number => Math.floor(Date.now() / 1000)

function assertion(
  name: string,
  claims: (side: Side) => Record<string, unknown> = () => ({}),
  { header, parameters }: { header?: { alg?: string; kid?: string }; parameters?: Bends } = {}
): OracleCase {
  return prove(
    `assertion ${name}`,
    async side => ({
      parameters: {
        client_id: 'signer',
        client_assertion_type: TYPE,
        client_assertion: await side.assertion(claims(side), header),
        ...parameters
      }
    }),
    'signer'
  )
}

const ASSERTION_CASES: OracleCase[] = [
  assertion('good'),
  assertion('without client_id', undefined, { parameters: { client_id: null } }),
  assertion('for the token endpoint', ({ endpoints }) => ({ aud: endpoints.token })),
  assertion('for the issuer, in a list', ({ issuer }) => ({ aud: [issuer] })),
  assertion('for the issuer and the token endpoint', ({ issuer, endpoints }) => ({ aud: [issuer, endpoints.token] })),
  assertion('for the issuer and somebody else', ({ issuer }) => ({ aud: [issuer, 'https://evil.example'] })),
  assertion('for somebody else', () => ({ aud: 'https://evil.example' })),
  assertion('for the issuer with a slash', ({ issuer }) => ({ aud: `${issuer}/` })),
  assertion('without aud', () => ({ aud: null })),
  assertion('without exp', () => ({ exp: null })),
  assertion('without jti', () => ({ jti: null })),
  assertion('without iat', () => ({ iat: null })),
  assertion('without iss', () => ({ iss: null })),
  assertion('without sub', () => ({ sub: null })),
  assertion('of another iss', () => ({ iss: 'web' })),
  assertion('of another sub', () => ({ sub: 'web' })),
  assertion('that expired', () => ({ iat: now() - 600, exp: now() - 300 })),
  assertion('that is not valid yet', () => ({ nbf: now() + 600 })),
  assertion('from the future', () => ({ iat: now() + 600, exp: now() + 900 })),
  assertion('good for a year', () => ({ exp: now() + 365 * 86_400 })),
  assertion('without signature', undefined, { header: { alg: 'none' } }),
  assertion('with an unknown kid', undefined, { header: { kid: 'nobody' } }),
  assertion('of no type', undefined, { parameters: { client_assertion_type: null } }),
  assertion('of an unknown type', undefined, { parameters: { client_assertion_type: 'urn:x' } }),
  assertion('and another client_id', undefined, { parameters: { client_id: 'web' } }),
  assertion('and a secret', undefined, { parameters: { client_secret: SECRET } }),
  assertion('that is no JWT', undefined, { parameters: { client_assertion: 'x' } }),
  {
    name: 'client: assertion a second time',
    run: async side => {
      const client_assertion = await side.assertion()
      const parameters = { grant_type: 'refresh_token', refresh_token: 'invented', client_id: 'signer' }
      const proof = { client_assertion_type: TYPE, client_assertion }
      const send = () => post(side, 'token', { ...parameters, ...proof })
      return [await send(), await send()]
    }
  }
]

export const CLIENT_CASES: readonly OracleCase[] = [...SECRET_CASES, ...ASSERTION_CASES]
