/** Authorization requests: one thing is bent in each. */
import {
  authorizationRequest,
  type Bends,
  CALLBACK,
  type ClientName,
  FILES,
  formOf,
  NOTES,
  send,
  TWO_CALLBACKS
} from '../side.ts'
import type { OracleCase } from './case.ts'

function ask(name: string, bends: Bends = {}, { client = 'public' as ClientName, method = 'GET' } = {}): OracleCase {
  return {
    name: `authorize: ${name}`,
    run: async side => {
      const form = formOf(authorizationRequest(client, bends))
      const isPost = method === 'POST'
      const response = await send({
        method,
        url: isPost ? side.endpoints.authorize : `${side.endpoints.authorize}?${form}`,
        headers: { accept: 'text/html', ...(isPost ? { 'content-type': 'application/x-www-form-urlencoded' } : {}) },
        ...(isPost ? { body: form } : {})
      })
      const next = new URL(String(response.headers['location'] ?? ''), response.url).href
      // The same request once more is no verdict yet.
      return isPost && response.statusCode === 303 && next.startsWith(side.endpoints.authorize)
        ? send({ method: 'GET', url: next, headers: { accept: 'text/html' } })
        : response
    }
  }
}

const long = 'x'.repeat(9000)

const CLIENT_CASES = [
  ask('good'),
  ask('client_id missing', { client_id: null }),
  ask('client_id empty', { client_id: '' }),
  ask('client_id twice', { client_id: ['public', 'public'] }),
  ask('client_id and another one', { client_id: ['public', 'other'] }),
  ask('client_id unknown', { client_id: 'nobody' }),
  ask('client_id in upper case', { client_id: 'PUBLIC' }),
  ask('client_id with a space behind', { client_id: 'public ' }),
  ask('client_id of 9,000 characters', { client_id: long }),
  ask('client_id with a NUL', { client_id: 'public\0' })
]

const spelling = (name: string, redirect_uri: string): OracleCase => ask(`redirect_uri ${name}`, { redirect_uri })

const REDIRECT_CASES = [
  ask('redirect_uri missing, one is registered', { redirect_uri: null }, { client: 'one' }),
  ask('redirect_uri missing, two are registered', { redirect_uri: null }, { client: 'two' }),
  ask('redirect_uri missing, loopback', { redirect_uri: null }),
  ask('redirect_uri empty, one is registered', { redirect_uri: '' }, { client: 'one' }),
  ask('redirect_uri empty, two are registered', { redirect_uri: '' }, { client: 'two' }),
  ask('redirect_uri twice', { redirect_uri: [CALLBACK, CALLBACK] }),
  ask('redirect_uri and one of somebody else', { redirect_uri: [CALLBACK, 'https://evil.example/'] }),
  ask('redirect_uri is the second one', { redirect_uri: TWO_CALLBACKS[1] ?? '' }, { client: 'two' }),
  ask('redirect_uri without its query', { redirect_uri: 'https://two.example/cb/more' }, { client: 'two' }),
  ask('redirect_uri with more query', { redirect_uri: `${TWO_CALLBACKS[1]}&y=2` }, { client: 'two' }),
  spelling('of another host', 'https://evil.example/callback'),
  spelling('with a longer path', `${CALLBACK}/more`),
  spelling('with a slash behind', `${CALLBACK}/`),
  spelling('with a path in upper case', 'http://127.0.0.1:49152/CALLBACK'),
  spelling('with a scheme in upper case', 'HTTP://127.0.0.1:49152/callback'),
  spelling('with another scheme', 'https://127.0.0.1:49152/callback'),
  spelling('with another loopback port', 'http://127.0.0.1:50001/callback'),
  spelling('with port 65536', 'http://127.0.0.1:65536/callback'),
  spelling('with the name localhost', 'http://localhost:49152/callback'),
  spelling('with the IPv6 loopback', 'http://[::1]:49152/callback'),
  spelling('with 127.1', 'http://127.1:49152/callback'),
  spelling('with a fragment', `${CALLBACK}#x`),
  spelling('with an empty fragment', `${CALLBACK}#`),
  spelling('with user information', 'http://a@127.0.0.1:49152/callback'),
  spelling('with a host behind user information', 'http://127.0.0.1:49152@evil.example/callback'),
  spelling('with dot segments', 'http://127.0.0.1:49152/x/../callback'),
  spelling('with a letter percent-encoded', 'http://127.0.0.1:49152/%63allback'),
  spelling('with a backslash', 'http://127.0.0.1:49152\\callback'),
  spelling('with a line break behind', `${CALLBACK}\n`),
  spelling('with a space before', ` ${CALLBACK}`),
  spelling('javascript:', 'javascript:alert(1)'),
  spelling('relative', '/callback')
]

const RESPONSE_CASES = [
  ask('response_type missing', { response_type: null }),
  ask('response_type empty', { response_type: '' }),
  ask('response_type twice', { response_type: ['code', 'code'] }),
  ask('response_type unknown', { response_type: 'cake' }),
  ask('response_type token', { response_type: 'token' }),
  ask('response_type id_token', { response_type: 'id_token', nonce: 'n' }),
  ask('response_type code token', { response_type: 'code token' }),
  ask('response_type none', { response_type: 'none' }),
  ask('response_mode query', { response_mode: 'query' }),
  ask('response_mode unknown', { response_mode: 'pigeon' }),
  ask('response_mode twice', { response_mode: ['query', 'query'] })
]

const SCOPE_CASES = [
  ask('scope missing', { scope: null }),
  ask('scope empty', { scope: '' }),
  ask('scope twice', { scope: ['notes:read', 'notes:write'] }),
  ask('scope unknown', { scope: 'bread:eat' }),
  ask('scope known and unknown', { scope: 'notes:read bread:eat' }),
  ask('scope of another resource', { scope: 'files:read' }),
  ask('scope with a quote', { scope: 'notes:read "' }),
  ask('scope with two spaces', { scope: 'notes:read  notes:write' }),
  ask('scope with a tab', { scope: 'notes:read\tnotes:write' }),
  ask('scope openid', { scope: 'openid notes:read' }),
  ask('scope offline_access', { scope: 'notes:read offline_access' })
]

const RESOURCE_CASES = [
  ask('resource missing', { resource: null }),
  ask('resource empty', { resource: '' }),
  ask('resource unknown', { resource: 'https://bread.example/mcp' }),
  ask('resource relative', { resource: '/mcp' }),
  ask('resource no URI', { resource: 'not a uri' }),
  ask('resource with a fragment', { resource: `${NOTES}#x` }),
  ask('resource twice the same', { resource: [NOTES, NOTES] }),
  ask('two resources', { resource: [NOTES, FILES], scope: 'notes:read files:read' }),
  ask('two resources, one of them unknown', { resource: [NOTES, 'https://bread.example/mcp'] }),
  ask('resource with the host in upper case', { resource: 'https://NOTES.example/mcp' }),
  ask('resource with a slash behind', { resource: `${NOTES}/` }),
  ask('resource with a query', { resource: `${NOTES}?x` }),
  ask('resource that is only the beginning', { resource: 'https://notes.example/' })
]

const PKCE_CASES = [
  ask('code_challenge missing', { code_challenge: null }),
  ask('code_challenge and method missing', { code_challenge: null, code_challenge_method: null }),
  ask('code_challenge empty', { code_challenge: '' }),
  ask('code_challenge twice', { code_challenge: ['x'.repeat(43), 'y'.repeat(43)] }),
  ask('code_challenge of 42 characters', { code_challenge: 'x'.repeat(42) }),
  ask('code_challenge of 44 characters', { code_challenge: 'x'.repeat(44) }),
  ask('code_challenge of 129 characters', { code_challenge: 'x'.repeat(129) }),
  ask('code_challenge with padding', { code_challenge: `${'x'.repeat(43)}=` }),
  ask('code_challenge with a plus', { code_challenge: `${'x'.repeat(42)}+` }),
  ask('code_challenge_method missing', { code_challenge_method: null }),
  ask('code_challenge_method plain', { code_challenge_method: 'plain' }),
  ask('code_challenge_method in lower case', { code_challenge_method: 's256' }),
  ask('code_challenge_method unknown', { code_challenge_method: 'S512' }),
  ask('code_challenge_method twice', { code_challenge_method: ['S256', 'S256'] }),
  ask('PKCE missing, confidential client', { code_challenge: null, code_challenge_method: null }, { client: 'web' })
]

// What cannot be read has to be told with the state; here the request is bad in a second way, so that both have to answer.
const STATE_CASES = [
  ask('state missing', { state: null }),
  ask('state missing, and a bad request', { state: null, response_type: null }),
  ask('state empty, and a bad request', { state: '', response_type: null }),
  ask('state twice', { state: ['the-state', 'the-state'] }),
  ask('state of 9,000 characters', { state: long })
]

const OPENID: Bends = { scope: 'openid notes:read' }

const OPENID_CASES = [
  ask('nonce twice', { ...OPENID, nonce: ['a', 'b'] }),
  ask('prompt none', { prompt: 'none' }),
  ask('prompt none, with openid', { ...OPENID, prompt: 'none' }),
  ask('prompt none and login', { prompt: 'none login' }),
  ask('prompt login', { prompt: 'login' }),
  ask('prompt consent', { prompt: 'consent' }),
  ask('prompt login and consent', { prompt: 'login consent' }),
  ask('prompt unknown', { prompt: 'dance' }),
  ask('prompt twice', { prompt: ['login', 'login'] }),
  ask('max_age without openid', { max_age: '60' }),
  ask('max_age 0', { ...OPENID, max_age: '0' }),
  ask('max_age 60', { ...OPENID, max_age: '60' }),
  ask('max_age negative', { ...OPENID, max_age: '-1' }),
  ask('max_age with a fraction', { ...OPENID, max_age: '1.5' }),
  ask('max_age is text', { ...OPENID, max_age: 'soon' }),
  ask('max_age beyond every number', { ...OPENID, max_age: '9'.repeat(30) }),
  ask('login_hint', { login_hint: 'alice' }),
  ask('ui_locales nonsense', { ui_locales: '!! ?' }),
  ask('acr_values without openid', { acr_values: 'gold' }),
  ask('acr_values unknown', { ...OPENID, acr_values: 'gold' }),
  ask('display unknown', { display: 'hologram' }),
  ask('id_token_hint nonsense', { ...OPENID, id_token_hint: 'x.y.z' }),
  ask('claims that is no JSON', { ...OPENID, claims: '{' })
]

const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"client_id":"public"}').toString('base64url')}.`

const REST = [
  ask('request object without signature', { request: none }),
  ask('request_uri elsewhere', { request_uri: 'https://client.example/request.jwt' }),
  ask('request_uri at a metadata service', { request_uri: 'http://169.254.169.254/latest' }),
  ask('request_uri never pushed', { request_uri: `urn:ietf:params:oauth:request_uri:${'x'.repeat(43)}` }),
  ask('request and request_uri', { request: none, request_uri: 'https://client.example/request.jwt' }),
  ask('registration', { registration: '{}' }),
  ask('authorization_details', { authorization_details: '[{"type":"payment"}]' }),
  ask('unknown parameter', { bread: 'butter' }),
  ask('unknown parameter twice', { bread: ['butter', 'jam'] }),
  ask('parameter named __proto__', { ['__proto__']: 'x' }),
  ask('client without redirect URIs', { redirect_uri: CALLBACK }, { client: 'api' }),
  ask('by POST', {}, { method: 'POST' }),
  ask('by POST, client_id unknown', { client_id: 'nobody' }, { method: 'POST' }),
  ask('by PUT', {}, { method: 'PUT' }),
  ask('by DELETE', {}, { method: 'DELETE' })
]

export const AUTHORIZATION_CASES: readonly OracleCase[] = [
  ...CLIENT_CASES,
  ...REDIRECT_CASES,
  ...RESPONSE_CASES,
  ...SCOPE_CASES,
  ...RESOURCE_CASES,
  ...PKCE_CASES,
  ...STATE_CASES,
  ...OPENID_CASES,
  ...REST
]
