import type { FastifyRequest } from 'fastify'
import t from 'tap'
import type { UserAdapter } from '../src/index.ts'
import { guardedUsers } from '../src/users.ts'
import { buildServer, ORIGIN } from './fixture.ts'

const REQUEST = {} as FastifyRequest
const CONTEXT = { scopes: ['a'], resource: 'https://api.example', organization: null }

function adapter(changes: Partial<UserAdapter> = {}): UserAdapter {
  return {
    current: () => ({ user: 'alice', authTime: 5 }),
    loginUrl: ({ returnTo }) => `/login?to=${returnTo}`,
    subject: user => `sub-${user}`,
    find: subject => (subject === 'sub-alice' ? 'alice' : null),
    displayName: user => `Dear ${user}`,
    ...changes
  }
}

t.test('a session is what the protocol needs of it', async t => {
  const users = guardedUsers(adapter())
  t.strictSame(await users.session(REQUEST), {
    user: 'alice',
    subject: 'sub-alice',
    displayName: 'Dear alice',
    authTime: 5,
    acr: null,
    amr: []
  })
  t.equal(await guardedUsers(adapter({ current: () => null })).session(REQUEST), null)
})

t.test('OpenID Connect Core 2: a subject that cannot be one is a mistake of the app, told by name', async t => {
  for (const subject of ['', 'x'.repeat(256), 7, null, undefined]) {
    const users = guardedUsers(adapter({ subject: () => subject as string }))
    await t.rejects(users.session(REQUEST), { name: 'TypeError', message: /users\.subject\(\)/ })
  }
  const users = guardedUsers(adapter({ subject: () => 'x'.repeat(255) }))
  t.equal((await users.session(REQUEST))?.subject.length, 255)
})

t.test('RFC 9068 2.2.1: an authTime that is no whole number of seconds is a mistake of the app', async t => {
  for (const authTime of [1.5, Number.NaN, '5', undefined, new Date()]) {
    const users = guardedUsers(adapter({ current: () => ({ user: 'a', authTime: authTime as number }) }))
    await t.rejects(users.session(REQUEST), { name: 'TypeError', message: /authTime/ })
  }
})

t.test('claims: null for a user who is gone, an empty object for an adapter without claims', async t => {
  t.equal(await guardedUsers(adapter()).claims('sub-bob', CONTEXT), null)
  t.equal(await guardedUsers(adapter({ find: () => undefined })).claims('sub-alice', CONTEXT), null)
  t.strictSame(await guardedUsers(adapter()).claims('sub-alice', CONTEXT), {})
  const users = guardedUsers(adapter({ claims: (user, context) => ({ user, ...context }) }))
  t.strictSame(await users.claims('sub-alice', CONTEXT), { user: 'alice', ...CONTEXT })
})

t.test('methods are called on the adapter, so that it may be an instance', async t => {
  class Directory {
    prefix = 'sub-'
    current() {
      return { user: 'alice', authTime: 1 }
    }
    loginUrl() {
      return '/login'
    }
    subject(user: unknown) {
      return this.prefix + user
    }
    find(subject: string) {
      return subject.startsWith(this.prefix) ? 'alice' : null
    }
    displayName(user: unknown) {
      return this.prefix + user
    }
  }
  const users = guardedUsers(new Directory())
  t.equal((await users.session(REQUEST))?.displayName, 'sub-alice')
  t.strictSame(await users.claims('sub-alice', CONTEXT), {})
})

t.test('a mistake of the app is a 500 page, and nothing is granted', async t => {
  const users = adapter({ subject: () => '', loginUrl: () => '/login' })
  const server = await buildServer(t, { options: { users } })
  const { url } = await server.client().start()
  const response = await server.app.inject(url.slice(ORIGIN.length))
  t.equal(response.statusCode, 500)
  t.match(response.body, '"reason":"server_error"')
  t.notMatch(response.body, 'users.subject')
  t.equal((await server.storage.counts())['grants'], 0)
})
