/** Token requests with a code: one thing is bent in each. */
import {
  authorize,
  type Bends,
  CALLBACK,
  type ClientName,
  FILES,
  type FormRequest,
  formOf,
  NOTES,
  post,
  redeem,
  refresh,
  type Tokens,
  tokens,
  VERIFIER
} from '../side.ts'
import type { OracleCase } from './case.ts'

interface Asked {
  readonly client?: ClientName
  /** Of the authorization request. */
  readonly asked?: Bends
  /** Who redeems; who asked, when left out. */
  readonly by?: ClientName
  readonly request?: FormRequest
}

function code(name: string, bends: Bends = {}, { client = 'public', asked, by = client, request }: Asked = {}) {
  return {
    name: `token: ${name}`,
    run: async side => redeem(side, by, await authorize(side, client, asked), bends, request)
  } satisfies OracleCase
}

const BOTH: Bends = { resource: [NOTES, FILES], scope: 'notes:read notes:write files:read' }

const CODE_CASES: OracleCase[] = [
  code('good'),
  code('good, confidential client', {}, { client: 'web' }),
  code('good, with openid', {}, { asked: { scope: 'openid notes:read', nonce: 'n' } }),
  code('code missing', { code: null }),
  code('code empty', { code: '' }),
  code('code twice', { code: ['a', 'b'] }),
  code('code invented', { code: 'invented' }),
  code('code of 9,000 characters', { code: 'x'.repeat(9000) }),
  code('code with a NUL', { code: 'a\0b' }),
  code('code_verifier missing', { code_verifier: null }),
  code('code_verifier empty', { code_verifier: '' }),
  code('code_verifier twice', { code_verifier: [VERIFIER, VERIFIER] }),
  code('code_verifier of somebody else', { code_verifier: 'x'.repeat(43) }),
  code('code_verifier of 42 characters', { code_verifier: 'x'.repeat(42) }),
  code('code_verifier of 129 characters', { code_verifier: 'x'.repeat(129) }),
  code('code_verifier with a space', { code_verifier: `${VERIFIER} ` }),
  code('redirect_uri missing', { redirect_uri: null }),
  code('redirect_uri empty', { redirect_uri: '' }),
  code('redirect_uri twice', { redirect_uri: [CALLBACK, CALLBACK] }),
  code('redirect_uri of somebody else', { redirect_uri: 'https://evil.example/' }),
  code('redirect_uri with another loopback port', { redirect_uri: 'http://127.0.0.1:50001/callback' }),
  code('code of another client', {}, { by: 'other' }),
  code('code of another client, which authenticates', {}, { by: 'web', client: 'public' }),
  code('client_id missing', { client_id: null }),
  code('client_id empty', { client_id: '' }),
  code('client_id twice', { client_id: ['public', 'public'] }),
  code('client_id unknown', { client_id: 'nobody' }),
  code('client_secret for a client without', { client_secret: 'guess' }),
  code('resource of the request', { resource: NOTES }),
  code('resource that was not asked for', { resource: FILES }),
  code('resource unknown', { resource: 'https://bread.example/mcp' }),
  code('resource no URI', { resource: 'bread' }),
  code('two granted, the first', { resource: NOTES }, { asked: BOTH }),
  code('two granted, the second', { resource: FILES }, { asked: BOTH }),
  code('two granted, both', { resource: [NOTES, FILES] }, { asked: BOTH }),
  code('two granted, none named', {}, { asked: BOTH }),
  code('scope wider', { scope: 'notes:read notes:write' }),
  code('unknown parameter', { bread: 'butter' }),
  code('unknown parameter twice', { bread: ['butter', 'jam'] })
]

const SENT: readonly [string, FormRequest][] = [
  ['as JSON', { headers: { 'content-type': 'application/json' }, body: '{"grant_type":"authorization_code"}' }],
  ['as plain text', { headers: { 'content-type': 'text/plain' } }],
  ['as a form with a charset', { headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' } }],
  ['as multipart', { headers: { 'content-type': 'multipart/form-data; boundary=x' }, body: '--x--' }],
  ['empty', { body: '' }],
  ['with a broken percent sign', { body: 'grant_type=%zz&client_id=public' }],
  ['with 100 kilobytes', { body: `grant_type=authorization_code&client_id=public&x=${'x'.repeat(100_000)}` }],
  ['by GET', { method: 'GET', query: '?grant_type=authorization_code&client_id=public&code=x' }],
  ['by PUT', { method: 'PUT' }],
  ['by DELETE', { method: 'DELETE' }]
]

const GRANT_TYPES: readonly [string, Bends][] = [
  ['missing', { grant_type: null }],
  ['empty', { grant_type: '' }],
  ['twice', { grant_type: ['authorization_code', 'authorization_code'] }],
  ['unknown', { grant_type: 'bread' }],
  ['in upper case', { grant_type: 'AUTHORIZATION_CODE' }],
  ['implicit', { grant_type: 'implicit' }],
  ['password', { grant_type: 'password', username: 'alice', password: 'pw' }],
  ['client_credentials, public client', { grant_type: 'client_credentials' }]
]

const REQUEST_CASES: OracleCase[] = [
  ...SENT.map(([name, request]) => code(`sent ${name}`, {}, { request })),
  {
    name: 'token: sent in the query of a POST',
    run: async side => {
      const { code: value, redirectUri } = await authorize(side, 'public')
      const form = { grant_type: 'authorization_code', code: value, code_verifier: VERIFIER, client_id: 'public' }
      return post(side, 'token', {}, { query: `?${formOf({ ...form, redirect_uri: redirectUri })}` })
    }
  },
  ...GRANT_TYPES.map(([name, bends]) => code(`grant_type ${name}`, bends))
]

/** What happens when it comes back. */
const REPLAY_CASES: OracleCase[] = [
  {
    name: 'token: code a second time',
    run: async side => {
      const given = await authorize(side, 'public')
      return [await redeem(side, 'public', given), await redeem(side, 'public', given)]
    }
  },
  {
    name: 'token: code a second time, then the refresh token that it bought',
    run: async side => {
      const given = await authorize(side, 'public')
      const first = await redeem(side, 'public', given)
      const second = await redeem(side, 'public', given)
      return [second, await refresh(side, 'public', first.json<Tokens>().refresh_token)]
    }
  },
  {
    name: 'token: code a second time by another client, then the refresh token',
    run: async side => {
      const given = await authorize(side, 'public')
      const first = await redeem(side, 'public', given)
      return [await redeem(side, 'other', given), await refresh(side, 'public', first.json<Tokens>().refresh_token)]
    }
  },
  {
    name: 'token: code with a wrong verifier, then with the right one',
    run: async side => {
      const given = await authorize(side, 'public')
      return [
        await redeem(side, 'public', given, { code_verifier: 'x'.repeat(43) }),
        await redeem(side, 'public', given)
      ]
    }
  }
]

function again(name: string, bends: Bends, asked: Bends = { scope: 'notes:read notes:write' }): OracleCase {
  return {
    name: `refresh: ${name}`,
    run: async side => refresh(side, 'public', (await tokens(side, 'public', asked)).refresh_token, bends)
  }
}

const REFRESH_CASES: OracleCase[] = [
  again('good', {}),
  again('refresh_token missing', { refresh_token: null }),
  again('refresh_token empty', { refresh_token: '' }),
  again('refresh_token twice', { refresh_token: ['a', 'b'] }),
  again('refresh_token invented', { refresh_token: 'invented' }),
  again('scope narrower', { scope: 'notes:read' }),
  again('scope the same', { scope: 'notes:read notes:write' }),
  again('scope wider', { scope: 'notes:read notes:write' }, { scope: 'notes:read' }),
  again('scope unknown', { scope: 'bread:eat' }),
  again('scope empty', { scope: '' }),
  again('scope twice', { scope: ['notes:read', 'notes:write'] }),
  again('resource of the grant', { resource: NOTES }),
  again('resource of another grant', { resource: FILES }),
  again('resource unknown', { resource: 'https://bread.example/mcp' }),
  again('two granted, the second', { resource: FILES }, BOTH),
  again('client_id of another client', { client_id: 'other' }),
  again('client_id missing', { client_id: null }),
  {
    name: 'refresh: an access token in its place',
    run: async side => refresh(side, 'public', (await tokens(side, 'public')).access_token)
  },
  {
    name: 'refresh: a code in its place',
    run: async side => refresh(side, 'public', (await authorize(side, 'public')).code)
  },
  {
    name: 'token: a refresh token in the place of the code',
    run: async side =>
      redeem(side, 'public', { code: (await tokens(side, 'public')).refresh_token, redirectUri: CALLBACK })
  },
  {
    name: 'refresh: the same token again at once',
    run: async side => {
      const { refresh_token: first } = await tokens(side, 'public')
      return [await refresh(side, 'public', first), await refresh(side, 'public', first)]
    }
  },
  {
    name: 'refresh: the same token again after its successor was used, then the newest',
    run: async side => {
      const { refresh_token: first } = await tokens(side, 'public')
      const second = (await refresh(side, 'public', first)).json<Tokens>().refresh_token
      const third = (await refresh(side, 'public', second)).json<Tokens>().refresh_token
      return [await refresh(side, 'public', first), await refresh(side, 'public', third)]
    }
  },
  {
    name: 'refresh: token of another client, then by its own',
    run: async side => {
      const { refresh_token: token } = await tokens(side, 'public')
      return [await refresh(side, 'other', token), await refresh(side, 'public', token)]
    }
  }
]

export const TOKEN_CASES: readonly OracleCase[] = [...CODE_CASES, ...REQUEST_CASES, ...REPLAY_CASES, ...REFRESH_CASES]
