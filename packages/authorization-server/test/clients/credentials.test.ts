/** How a client says who it is, word by word. What comes of it: `authenticate.test.ts`. */
import { isOAuthError } from '@fastify-mcp-auth/core'
import t from 'tap'
import { ASSERTION_TYPE } from '../../src/clients/client-assertion.ts'
import { readCredentials } from '../../src/clients/credentials.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const basic = (text: string): string => `Basic ${base64(text)}`

/** An assertion whose payload says that `sub` is the client. */
const assertion = `e30.${Buffer.from('{"sub":"signer"}').toString('base64url')}.x`

for (const [authorization, form, method, clientId, proof] of [
  [undefined, { client_id: 'a' }, 'none', 'a', ''],
  [undefined, { client_id: 'a', client_secret: 's' }, 'client_secret_post', 'a', 's'],
  [basic('a:s'), {}, 'client_secret_basic', 'a', 's'],
  [basic('a:s'), { client_id: 'a' }, 'client_secret_basic', 'a', 's'],
  [basic('a:'), {}, 'client_secret_basic', 'a', ''],
  [basic('a:s:t'), {}, 'client_secret_basic', 'a', 's:t'],
  [`bAsIc   ${base64('a:s')}`, {}, 'client_secret_basic', 'a', 's'],
  [basic('a:st').replaceAll('=', ''), {}, 'client_secret_basic', 'a', 'st'],
  [basic('https%3A%2F%2Fa.example:one+two%2Bthree'), {}, 'client_secret_basic', 'https://a.example', 'one two+three'],
  [basic('a:+'), {}, 'client_secret_basic', 'a', ' '],
  [basic('\uFEFFa:s'), {}, 'client_secret_basic', '\uFEFFa', 's'],
  [
    undefined,
    { client_assertion: assertion, client_assertion_type: ASSERTION_TYPE },
    'private_key_jwt',
    'signer',
    assertion
  ]
] as const)
  t.test(`RFC 6749 2.3: ${authorization ?? 'a body'} ${JSON.stringify(form)} is ${method} of ${clientId}`, async t =>
    t.strictSame(readCredentials(authorization, form), { method, clientId, proof })
  )

const both = { client_id: 'a', client_secret: 's' }
for (const [what, authorization, form, error, reason] of [
  ['nobody', undefined, {}, 'invalid_client', 'no_client'],
  ['a secret of nobody', undefined, { client_secret: 's' }, 'invalid_client', 'no_client'],
  ['Basic and a secret in the body', basic('a:s'), both, 'invalid_request', 'two_methods'],
  ['Basic and an assertion', basic('a:s'), { client_assertion: 'x' }, 'invalid_request', 'two_methods'],
  ['a secret and an assertion', undefined, { ...both, client_assertion: 'x' }, 'invalid_request', 'two_methods'],
  ['a secret and a type', undefined, { ...both, client_assertion_type: 'x' }, 'invalid_request', 'two_methods'],
  ['Basic of another client', basic('a:s'), { client_id: 'b' }, 'invalid_request', 'two_clients'],
  ['an assertion without type', undefined, { client_assertion: assertion }, 'invalid_request', 'invalid_request'],
  ['a type alone', undefined, { client_assertion_type: ASSERTION_TYPE }, 'invalid_request', 'invalid_request'],
  [
    'an assertion of another type',
    undefined,
    { client_assertion: assertion, client_assertion_type: 'x' },
    'invalid_client',
    'assertion_type'
  ],
  ['another scheme', `x${basic('a:s')}`, {}, 'invalid_client', 'malformed_authorization'],
  ['Basic with something behind it', `${basic('a:s')} x`, {}, 'invalid_client', 'malformed_authorization'],
  ['Basic without a space', basic('a:s').replace(' ', ''), {}, 'invalid_client', 'malformed_authorization'],
  ['Basic without a colon', basic('as'), {}, 'invalid_client', 'malformed_authorization'],
  ['Basic without a name', basic(':s'), {}, 'invalid_client', 'malformed_authorization'],
  ['Basic with stray bits', 'Basic YTpzdB==', {}, 'invalid_client', 'malformed_authorization'],
  [
    'Basic that is no UTF-8',
    `Basic ${Buffer.from([97, 58, 255]).toString('base64')}`,
    {},
    'invalid_client',
    'malformed_authorization'
  ],
  ['Basic with half an escape', basic('a:%2'), {}, 'invalid_client', 'malformed_authorization'],
  ['an empty header', '', {}, 'invalid_client', 'malformed_authorization']
] as const)
  t.test(`RFC 6749 2.3: ${what} is ${error}`, async t => {
    try {
      readCredentials(authorization, form)
      t.fail('accepted')
    } catch (thrown) {
      t.ok(isOAuthError(thrown))
      t.match(thrown, { error, reason })
    }
  })
