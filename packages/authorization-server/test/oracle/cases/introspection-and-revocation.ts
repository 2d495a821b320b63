/** What a token is worth, and its end. */
import {
  authorize,
  type Bends,
  basic,
  type Endpoint,
  encode,
  type FormRequest,
  post,
  redeem,
  refresh,
  SECRET,
  type Tokens,
  tokens
} from '../side.ts'
import type { OracleCase } from './case.ts'

const API = basic(encode('api'), encode(SECRET))
const WEB = basic(encode('web'), encode(SECRET))

interface How {
  readonly which?: keyof Tokens
  readonly of?: 'public' | 'web'
  readonly bends?: Bends
  readonly request?: FormRequest
}

function ask(endpoint: Endpoint, name: string, { which = 'access_token', of = 'public', bends, request }: How) {
  return {
    name: `${endpoint}: ${name}`,
    run: async side => post(side, endpoint, { token: (await tokens(side, of))[which], ...bends }, request)
  } satisfies OracleCase
}

const asApi = { headers: API }

const INTROSPECTION_CASES: OracleCase[] = [
  ask('introspect', 'access token, by its resource server', { request: asApi }),
  ask('introspect', 'access token, by its own client', { of: 'web', request: { headers: WEB } }),
  ask('introspect', 'access token, by its own public client', { bends: { client_id: 'public' } }),
  ask('introspect', 'access token, by another public client', { bends: { client_id: 'other' } }),
  ask('introspect', 'access token, by a client that it does not concern', { request: { headers: WEB } }),
  ask('introspect', 'refresh token, by a resource server', { which: 'refresh_token', request: asApi }),
  ask('introspect', 'by nobody', {}),
  ask('introspect', 'with a wrong secret', { request: { headers: basic('api', 'wrong') } }),
  ask('introspect', 'token missing', { bends: { token: null }, request: asApi }),
  ask('introspect', 'token empty', { bends: { token: '' }, request: asApi }),
  ask('introspect', 'token twice', { bends: { token: ['a', 'b'] }, request: asApi }),
  ask('introspect', 'token invented', { bends: { token: 'invented' }, request: asApi }),
  ask('introspect', 'token of 9,000 characters', { bends: { token: 'x'.repeat(9000) }, request: asApi }),
  ask('introspect', 'token with a NUL', { bends: { token: 'a\0' }, request: asApi }),
  ask('introspect', 'hint that is wrong', { bends: { token_type_hint: 'refresh_token' }, request: asApi }),
  ask('introspect', 'hint that is unknown', { bends: { token_type_hint: 'bread' }, request: asApi }),
  ask('introspect', 'hint twice', { bends: { token_type_hint: ['a', 'b'] }, request: asApi }),
  ask('introspect', 'token in the query', { request: { ...asApi, body: '', query: '?token=x' } }),
  ask('introspect', 'by GET', { request: { ...asApi, method: 'GET', query: '?token=x' } }),
  ask('introspect', 'as JSON', { request: { headers: { ...API, 'content-type': 'application/json' }, body: '{}' } })
]

const mine = { client_id: 'public' }

const REVOCATION_CASES: OracleCase[] = [
  ask('revoke', 'refresh token', { which: 'refresh_token', bends: mine }),
  ask('revoke', 'access token', { bends: mine }),
  ask('revoke', 'token invented', { bends: { ...mine, token: 'invented' } }),
  ask('revoke', 'token missing', { bends: { ...mine, token: null } }),
  ask('revoke', 'token empty', { bends: { ...mine, token: '' } }),
  ask('revoke', 'token twice', { bends: { ...mine, token: ['a', 'b'] } }),
  ask('revoke', 'token of 9,000 characters', { bends: { ...mine, token: 'x'.repeat(9000) } }),
  ask('revoke', 'hint that is wrong', { bends: { ...mine, token_type_hint: 'refresh_token' } }),
  ask('revoke', 'hint that is unknown', { bends: { ...mine, token_type_hint: 'bread' } }),
  ask('revoke', 'by nobody', {}),
  ask('revoke', 'by an unknown client', { bends: { client_id: 'nobody' } }),
  ask('revoke', 'with a wrong secret', { of: 'web', request: { headers: basic('web', 'wrong') } }),
  ask('revoke', 'by GET', { request: { method: 'GET', query: '?token=x&client_id=public' } }),
  ask('revoke', 'as JSON', { request: { headers: { 'content-type': 'application/json' }, body: '{}' } }),
  {
    name: 'revoke: token of another client, then its refresh',
    run: async side => {
      const { refresh_token: token } = await tokens(side, 'public')
      return [await post(side, 'revoke', { token, client_id: 'other' }), await refresh(side, 'public', token)]
    }
  },
  {
    name: 'revoke: refresh token, then its refresh and the access token',
    run: async side => {
      const { refresh_token: token, access_token: access } = await tokens(side, 'public')
      return [
        await post(side, 'revoke', { token, ...mine }),
        await refresh(side, 'public', token),
        await post(side, 'introspect', { token: access }, asApi)
      ]
    }
  },
  {
    name: 'revoke: access token, then itself and a refresh',
    run: async side => {
      const { refresh_token: token, access_token: access } = await tokens(side, 'public')
      return [
        await post(side, 'revoke', { token: access, ...mine }),
        await post(side, 'introspect', { token: access }, asApi),
        await refresh(side, 'public', token)
      ]
    }
  },
  {
    name: 'revoke: code, then its redemption',
    run: async side => {
      const given = await authorize(side, 'public')
      return [await post(side, 'revoke', { token: given.code, ...mine }), await redeem(side, 'public', given)]
    }
  }
]

export const TOKEN_STATE_CASES: readonly OracleCase[] = [...INTROSPECTION_CASES, ...REVOCATION_CASES]
