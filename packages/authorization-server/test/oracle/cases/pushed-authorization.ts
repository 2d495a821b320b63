/** Pushed authorization requests, and what can be done with what comes back. */
import type { HttpResponse } from '@fastify-mcp-auth/testing'
import {
  authorizationRequest,
  type Bends,
  basic,
  type ClientName,
  encode,
  type FormRequest,
  formOf,
  post,
  SECRET,
  type Side,
  send
} from '../side.ts'
import type { OracleCase } from './case.ts'

const WEB = basic(encode('web'), encode(SECRET))

function push(
  side: Side,
  bends: Bends = {},
  { client = 'public' as ClientName, request = {} as FormRequest } = {}
): Promise<HttpResponse> {
  return post(side, 'par', authorizationRequest(client, bends), request)
}

function pushed(name: string, bends: Bends = {}, how: { client?: ClientName; request?: FormRequest } = {}): OracleCase {
  return { name: `par: ${name}`, run: side => push(side, bends, how) }
}

async function use(side: Side, parameters: (requestUri: string) => Bends, times = 1): Promise<HttpResponse[]> {
  const { request_uri: requestUri } = (await push(side)).json<{ request_uri: string }>()
  const url = `${side.endpoints.authorize}?${formOf(parameters(requestUri))}`
  const responses: HttpResponse[] = []
  for (let time = 0; time < times; time++)
    responses.push(await send({ method: 'GET', url, headers: { accept: 'text/html' } }))
  return responses
}

function used(name: string, parameters: (requestUri: string) => Bends, times = 1): OracleCase {
  return { name: `par: ${name}`, run: side => use(side, parameters, times) }
}

export const PUSHED_CASES: readonly OracleCase[] = [
  pushed('good'),
  pushed('good, confidential client', {}, { client: 'web', request: { headers: WEB } }),
  pushed('confidential client without its secret', {}, { client: 'web' }),
  pushed('client_id missing', { client_id: null }),
  pushed('client_id unknown', { client_id: 'nobody' }),
  pushed('client_id twice', { client_id: ['public', 'public'] }),
  pushed('client_id of another than who authenticates', { client_id: 'public' }, { request: { headers: WEB } }),
  pushed('redirect_uri of somebody else', { redirect_uri: 'https://evil.example/' }),
  pushed('redirect_uri missing', { redirect_uri: null }),
  pushed('response_type missing', { response_type: null }),
  pushed('response_type token', { response_type: 'token' }),
  pushed('code_challenge missing', { code_challenge: null }),
  pushed('code_challenge_method plain', { code_challenge_method: 'plain' }),
  pushed('scope unknown', { scope: 'bread:eat' }),
  pushed('resource unknown', { resource: 'https://bread.example/mcp' }),
  pushed('prompt none and login', { prompt: 'none login' }),
  pushed('request_uri pushed', { request_uri: `urn:ietf:params:oauth:request_uri:${'x'.repeat(43)}` }),
  pushed('state twice', { state: ['a', 'b'] }),
  pushed('sent as JSON', {}, { request: { headers: { 'content-type': 'application/json' }, body: '{}' } }),
  pushed('sent by GET', {}, { request: { method: 'GET' } }),
  used('used', request_uri => ({ client_id: 'public', request_uri })),
  used('used twice', request_uri => ({ client_id: 'public', request_uri }), 2),
  used('used by another client', request_uri => ({ client_id: 'other', request_uri })),
  used('used without client_id', request_uri => ({ request_uri })),
  used('request_uri twice', request_uri => ({ client_id: 'public', request_uri: [request_uri, request_uri] })),
  used('used with one letter changed', request_uri => ({
    client_id: 'public',
    request_uri: request_uri.replace(/.$/, last => (last === 'A' ? 'B' : 'A'))
  })),
  used('used with a redirect_uri of somebody else beside it', request_uri => ({
    client_id: 'public',
    request_uri,
    redirect_uri: 'https://evil.example/'
  })),
  used('used with a wider scope beside it', request_uri => ({
    client_id: 'public',
    request_uri,
    scope: 'notes:read notes:write'
  })),
  used('used with a request object beside it', request_uri => ({ client_id: 'public', request_uri, request: 'x.y.z' }))
]
