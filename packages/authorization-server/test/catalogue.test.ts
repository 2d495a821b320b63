import { isOAuthError } from '@fastify-mcp-auth/core'
import t from 'tap'
import { createCatalogue, narrowedScopes, requestedScopes } from '../src/catalogue.ts'

const ONE = 'https://one.example/mcp'
const TWO = 'https://two.example/mcp'

const catalogue = createCatalogue({
  [ONE]: {
    name: 'One',
    scopes: {
      base: { description: 'Base', required: true },
      read: 'Read',
      admin: { description: 'Admin', destructive: true, implies: ['read'] }
    }
  },
  [TWO]: { name: 'Two', scopes: { read: 'Read', write: 'Write' }, defaultScopes: ['read'] }
})

/** The result, or the code of the error. */
function attempt<T>(run: () => T): T | string {
  try {
    return run()
  } catch (error) {
    if (isOAuthError(error)) return error.error
    throw error
  }
}

t.test('AZ-8, RFC 8707 2: a resource is found in any spelling of scheme and host, and no other', async t => {
  t.equal(catalogue.resolve('HTTPS://ONE.example:443/mcp').resource, ONE)
  for (const resource of ['https://one.example', `${ONE}/`, `${ONE}?x`, 'http://one.example/mcp', 'one', 'toString'])
    t.equal(
      attempt(() => catalogue.resolve(resource)),
      'invalid_target',
      resource
    )
})

t.test('RFC 8707 2: without resource the default one is meant, or the only one', async t => {
  t.equal(
    attempt(() => catalogue.resolve(undefined)),
    'invalid_target'
  )
  const scopes = { read: 'Read' }
  t.equal(createCatalogue({ [ONE]: { name: 'One', scopes } }).resolve(undefined).resource, ONE)
  const chosen = createCatalogue({ [ONE]: { name: 'One', scopes }, [TWO]: { name: 'Two', scopes, default: true } })
  t.equal(chosen.resolve(undefined).resource, TWO)
})

t.test('RFC 8414 2: scopes_supported has every scope once, and offline_access', async t => {
  t.strictSame(catalogue.scopes, ['base', 'read', 'admin', 'write', 'offline_access'])
})

for (const [scope, wanted] of [
  [undefined, ['base', 'read']],
  ['', ['base', 'read']],
  ['read', ['base', 'read']],
  ['read base', ['base', 'read']],
  ['admin', ['base', 'admin']],
  ['read read', ['base', 'read']],
  ['read claudeai unknown', ['base', 'read']],
  ['offline_access', ['base', 'read', 'offline_access']],
  ['offline_access read', ['base', 'read', 'offline_access']],
  ['claudeai', 'invalid_scope'],
  ['claudeai offline_access', 'invalid_scope'],
  ['write', 'invalid_scope'],
  ['toString', 'invalid_scope'],
  ['read\n', 'invalid_scope']
] as const)
  t.test(`RFC 6749 3.3: a request for ${JSON.stringify(scope)} asks for ${wanted}`, async t => {
    t.strictSame(
      attempt(() => requestedScopes(catalogue.resolve(ONE), scope)),
      wanted
    )
  })

for (const [granted, scope, wanted] of [
  [['read', 'base'], undefined, ['read', 'base']],
  [['read', 'base'], 'read', ['read']],
  [['admin'], 'read', ['read']],
  [['admin'], 'admin read', ['admin', 'read']],
  [['read'], 'admin', 'invalid_scope'],
  [['read'], 'read write', 'invalid_scope'],
  [['read'], 'offline_access', 'invalid_scope'],
  [['read', 'offline_access'], 'offline_access', 'invalid_scope'],
  [['read', 'offline_access'], 'read offline_access', ['read', 'offline_access']]
] as const)
  t.test(`RFC 6749 6: of ${granted} the request for ${scope} gets ${wanted}`, async t => {
    t.strictSame(
      attempt(() => narrowedScopes(catalogue.resolve(ONE), granted, scope)),
      wanted
    )
  })
