/** What both servers have to keep that a file has no part in: connections that break, servers that are not there. */
import { createServer } from 'node:net'
import { defineCollection, isUnavailableError } from '@fastify-mcp-auth/core'
import { type SqlStorageOptions, sqlStorage } from '@fastify-mcp-auth/storage-sql'
import { storageSuite } from '@fastify-mcp-auth/testing/storage-suite'
import type { Test } from 'tap'
import { Type } from 'typebox'

interface Server {
  url: string
  kysely: SqlStorageOptions
  /** A pool of the app that reads 64-bit integers in another way than the packages do by themselves, and what tells that it is open. */
  pool: SqlStorageOptions
  ask: () => Promise<unknown>
  tablePrefix: string
  /** A URL whose connections can be told from those of everybody else on the server, */
  killableUrl: string
  /** and ends all of them, as a restart of the server would. @returns how many */
  kill: () => Promise<number>
}

const codes = defineCollection({
  name: 'codes',
  record: Type.Object({ owner: Type.String(), used: Type.Boolean() }),
  indexes: ['owner']
})

export async function sharedPromises(t: Test, server: Server): Promise<void> {
  const { url, kysely, tablePrefix, killableUrl, kill } = server
  await t.test('the contract, by a pool of the app, which is left open', async t => {
    await storageSuite(t, () => sqlStorage({ ...server.pool, tablePrefix: `${tablePrefix}p_` }), { runs: 10 })
    const storage = sqlStorage({ ...server.pool, tablePrefix })
    await storage.open([codes])
    await storage.close()
    t.ok(isUnavailableError(await storage.get(codes, 'a').catch(error => error)))
    await t.resolves(server.ask())
  })

  await t.test('a Kysely instance of the app is used and left open', async t => {
    const storage = sqlStorage({ ...kysely, tablePrefix })
    await storage.open([codes])
    t.equal(await storage.insert(codes, 'pool', { owner: 'alice', used: false }), true)
    await storage.close()
    t.same(await storage.get(codes, 'pool'), { owner: 'alice', used: false })
  })

  await t.test('connections that the server ended make no false verdict, and new ones are made', async t => {
    const storage = sqlStorage({ url: killableUrl, tablePrefix, poolSize: 2 })
    t.teardown(() => storage.close())
    await storage.open([codes])
    await storage.insert(codes, 'killed', { owner: 'alice', used: false })
    t.ok((await kill()) > 0)
    for (let asked = 0; ; asked++) {
      const verdict = await storage.update(codes, 'killed', { used: false }, { used: true }).catch(error => error)
      if (verdict === true) break
      t.ok(isUnavailableError(verdict), `attempt ${asked}: ${verdict}`)
      if (asked === 5) return t.fail('did not come back')
    }
    t.same(await storage.get(codes, 'killed'), { owner: 'alice', used: true })
  })

  await t.test('a server that is not there, or hangs up, is unavailable', async t => {
    const listener = createServer(socket => socket.destroy()).listen(0, '127.0.0.1')
    await new Promise(resolve => listener.once('listening', resolve))
    const address = listener.address()
    const port = typeof address === 'object' && address ? String(address.port) : ''
    const elsewhere = new URL(url)
    elsewhere.port = port
    const storage = sqlStorage({ url: elsewhere.href, tablePrefix })
    t.teardown(() => storage.close())
    t.ok(isUnavailableError(await storage.open([codes]).catch(error => error)), 'hangs up')
    await new Promise(resolve => listener.close(resolve))
    const error = await storage.get(codes, 'a').catch(error => error)
    t.ok(isUnavailableError(error), 'not there')
    t.notMatch(error.message, port, 'the address is for the log, not for the client')
  })

  await t.test('errors do not carry the values of the statement', async t => {
    const storage = sqlStorage({ url, tablePrefix: `${tablePrefix}none_` })
    t.teardown(() => storage.close())
    const error = await storage.insert(codes, 'a', { owner: 'a-secret-value', used: false }).catch(error => error)
    t.type(error, Error)
    t.notOk(isUnavailableError(error), 'a missing table is a mistake, not an outage')
    t.notMatch(JSON.stringify({ ...error, message: error.message }), 'a-secret-value')
  })
}
