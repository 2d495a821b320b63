/** 5.7: what is kept, and what is written down, says nothing to whoever gets hold of it. */

import { randomBytes } from 'node:crypto'
import type { StorageDriver, StoredRecord } from '@fastify-mcp-auth/core'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import { walkAuthorization } from '@fastify-mcp-auth/testing/servers'
import t from 'tap'
import { COLLECTIONS, type createConnections } from '../../src/index.ts'
import { alice, BINDING, bob, createWorld } from '../world.ts'

const [OLD_KEY, NEW_KEY] = [0, 1].map(() => randomBytes(32).toString('base64')) as [string, string]

/** Everything that a driver was ever given. */
function recording(driver: StorageDriver): { driver: StorageDriver; written: () => string } {
  const written: unknown[] = []
  const watched: StorageDriver = {
    ...driver,
    insert: (collection, ...args) => {
      written.push(args)
      return driver.insert(collection, ...args)
    },
    update: (collection, ...args) => {
      written.push(args)
      return driver.update(collection, ...args)
    }
  }
  return { driver: watched, written: () => JSON.stringify(written) }
}

t.test('5.7 tokens, codes, secrets, verifiers and states are in no log, no event, no error and no record', async t => {
  const { driver, written } = recording(memoryStorage())
  const lines: string[] = []
  const keep = (...args: unknown[]): void => void lines.push(JSON.stringify(args))
  const { connections, issuer, events, connect, whoami, server } = await createWorld(t, {
    issuer: { behaviour: { tokenEndpointAuthMethods: ['client_secret_post'] } },
    app: { storage: driver, log: { debug: keep, info: keep, warn: keep, error: keep } }
  })
  await connect()
  await whoami()
  const { url } = await connections.start(alice, 'notes', { binding: BINDING })
  const denied = await walkAuthorization(url, { decision: 'deny' })
  const errors: unknown[] = []
  await connections.complete({ params: denied, binding: BINDING, owner: alice }).catch(error => errors.push(error))
  await connections.complete({ params: denied, binding: 'other', owner: alice }).catch(error => errors.push(error))
  const shown = errors.map(error =>
    JSON.stringify({ ...(error as Error), text: String(error), stack: (error as Error).stack })
  )

  const form = (name: string): string[] =>
    issuer.requests.map(({ body }) => new URLSearchParams(body).get(name) ?? '').filter(value => value !== '')
  const secrets = [
    ...issuer.records.accessTokens.keys(),
    ...issuer.records.refreshTokens.keys(),
    ...issuer.records.codes.keys(),
    ...[...issuer.records.clients.values()].flatMap(({ clientSecret }) => clientSecret ?? []),
    ...form('code_verifier'),
    ...issuer.requests.map(({ url: asked }) => asked.searchParams.get('state') ?? '').filter(state => state !== ''),
    BINDING
  ]
  t.ok(secrets.length >= 7, 'there are secrets to look for')
  t.ok(lines.length > 0 && events.length > 0 && errors.length === 2)
  const places = { log: lines.join('\n'), events: JSON.stringify(events), errors: shown.join('\n'), storage: written() }
  for (const [place, text] of Object.entries(places))
    for (const secret of secrets) t.notOk(text.includes(secret), `${place}: ${secret.slice(0, 6)}...`)
  t.equal(
    server.requests.some(({ url: asked }) => asked.search.includes('token')),
    false,
    'no token in a URL'
  )
})

t.test('item 34: a record that is copied to another owner, or moved to another server, does not decrypt', async t => {
  const storage = memoryStorage()
  const { connections, connect, whoami, another, server } = await createWorld(t, { app: { storage } })
  await connect(alice)
  await connect(bob)
  const records = await rows(storage)
  t.equal(records.length, 2)
  const ofAlice = records.find(({ record }) => (record['owner'] as { id: string }).id === 'alice')
  const ofBob = records.find(({ record }) => (record['owner'] as { id: string }).id === 'bob')
  if (!ofAlice || !ofBob) throw new Error('the records are not there')

  // The ciphertext alone.
  await storage.update(COLLECTIONS.connections, ofBob.key, {}, { sealed: ofAlice.record['sealed'] })
  const before = server.calls.length
  await t.rejects(whoami(bob), { code: 'MCP_NEEDS_REAUTH', reason: 'key_unavailable' })
  // The whole record.
  await storage.remove(COLLECTIONS.connections, ofBob.key)
  await storage.insert(COLLECTIONS.connections, ofBob.key, ofAlice.record)
  await t.rejects(whoami(bob), { code: 'MCP_NOT_CONNECTED' })
  // The record with the owner changed to match.
  await storage.remove(COLLECTIONS.connections, ofBob.key)
  const { owner, ownerKey, userKey } = ofBob.record
  await storage.insert(COLLECTIONS.connections, ofBob.key, { ...ofAlice.record, owner, ownerKey, userKey })
  await t.rejects(whoami(bob), { code: 'MCP_NEEDS_REAUTH', reason: 'key_unavailable' })
  t.equal(server.calls.length, before, 'nothing was sent')
  t.equal(await whoami(alice), 'alice', 'and alice is as before')

  // The server of the registry changed its URL: what was for the old one is not sent to the new one.
  const elsewhere = await another({ servers: { notes: { url: `${server.resource}?moved` } } })
  await t.rejects(
    elsewhere.withClient(alice, 'notes', client => client.listTools()),
    { code: 'MCP_NEEDS_REAUTH', reason: 'server_changed' }
  )
  t.equal((await elsewhere.status(alice, 'notes')).reason, 'server_changed')
  t.equal((await connections.status(alice, 'notes')).status, 'active', 'where it did not move it goes on')
})

t.test('5.7 retired keys: a new first key still reads, and without the old one it is said plainly', async t => {
  const storage = memoryStorage()
  const { connect, whoami, another, server } = await createWorld(t, { app: { storage, encryptionKeys: [OLD_KEY] } })
  await connect()
  const both = await another({ encryptionKeys: [NEW_KEY, OLD_KEY] })
  const who = (app: Awaited<ReturnType<typeof createConnections>>) =>
    app.withClient(alice, 'notes', client => client.callTool({ name: 'whoami' }))
  t.match(await who(both), { content: [{ text: 'alice' }] })
  t.equal(await whoami(), 'alice')
  const calls = server.calls.length
  const without = await another({ encryptionKeys: [NEW_KEY] })
  await t.rejects(who(without), { code: 'MCP_NEEDS_REAUTH', reason: 'key_unavailable' })
  t.equal(server.calls.length, calls)
})

t.test('5.7 header injection: keys and header names that would end a header are refused, and not repeated', async t => {
  const { another, server } = await createWorld(t)
  const servers = { key: { url: server.resource, auth: 'header' as const, header: { name: 'X-Api-Key' } } }
  const app = await another({ servers })
  for (const secret of ['a\r\nX-Admin: 1', 'a\nb', 'a\0b', 'ключ', '', ' ', 'a\tb', 'x'.repeat(9000)]) {
    const error = await app.setCredential(alice, 'key', { secret }).catch((caught: Error) => caught)
    t.match(error, { code: 'MCP_INVALID_INPUT' })
    if (secret.trim() !== '') t.notOk(String((error as Error).message).includes(secret))
  }
  for (const name of [
    'X-A\r\nB',
    'X A',
    'Host',
    'cookie',
    'Content-Length',
    'Transfer-Encoding',
    'Mcp-Session-Id',
    '',
    'Proxy-Authorization'
  ])
    await t.rejects(another({ servers: { key: { url: server.resource, auth: 'header', header: { name } } } }), {
      code: 'FST_OAUTH_OPTION'
    })
  await t.rejects(
    another({
      servers: { key: { url: server.resource, auth: 'header', header: { name: 'X-Key', prefix: 'a\r\nb' } } }
    }),
    { code: 'FST_OAUTH_OPTION' }
  )
  t.equal(server.count('mcp'), 0)
})

async function rows(storage: StorageDriver): Promise<{ key: string; record: StoredRecord }[]> {
  const { records } = await storage.list(COLLECTIONS.connections, 'server', 'notes')
  return [...records]
}
