import { randomBytes } from 'node:crypto'
import { type CollectionDeclaration, createKeyRing, type StorageDriver } from '@fastify-mcp-auth/core'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import { settableClock } from '@fastify-mcp-auth/testing'
import t from 'tap'
import { openRecords } from '../../src/records.ts'
import { loadSigningKeys, type SigningKeys } from '../../src/tokens/signing-keys.ts'
import { buildServer, ORIGIN, RESOURCE, refusalOf } from '../fixture.ts'
import { observableStorage } from '../observable-storage.ts'

const newKey = (): string => randomBytes(32).toString('base64')
const clock = settableClock(1)

const load = (storage: StorageDriver, ...keys: string[]) =>
  loadSigningKeys({
    records: openRecords(storage),
    keyRing: createKeyRing(keys),
    clock,
    issuer: ORIGIN,
    algorithms: ['ES256'],
    external: [],
    rotateAfter: 0,
    emit: () => undefined
  })

const kidOf = async (keys: SigningKeys): Promise<string> => (await keys.signer('ES256')).kid

t.test('openauth 323: ten processes that start together on an empty storage share one key', async t => {
  const key = newKey()
  const storage = memoryStorage()
  const inserted: boolean[] = []
  const slow: StorageDriver = {
    ...storage,
    async insert(collection: CollectionDeclaration, ...rest) {
      await new Promise(setImmediate)
      const won = await storage.insert(collection, ...rest)
      inserted.push(won)
      return won
    }
  }
  const loaded = await Promise.all(Array.from({ length: 10 }, () => load(slow, key)))
  t.equal(new Set(await Promise.all(loaded.map(kidOf))).size, 1)
  t.equal(inserted.length, 10, 'all of them tried')
  t.equal(inserted.filter(Boolean).length, 1)
  t.equal(
    await kidOf(await load(storage, key)),
    await kidOf(loaded[0] as SigningKeys),
    'and so does one that starts later'
  )
})

t.test('GEN-6: the private key is encrypted at rest', async t => {
  const storage = observableStorage()
  await load(storage, newKey())
  const [{ record }] = JSON.parse(await storage.dump())
  t.match(record.publicJwk, { kty: 'EC', x: /./, y: /./ })
  t.equal('d' in record.publicJwk, false)
  t.match(record.privateJwk, /^[\w-]{8}\.[\w-]+\.[\w-]+$/)
})

t.test('encryption keys are rotated by putting a new one in front', async t => {
  const storage = memoryStorage()
  const [old, next] = [newKey(), newKey()]
  const kid = await kidOf(await load(storage, old))
  t.equal(await kidOf(await load(storage, next, old)), kid)
  t.equal(await kidOf(await load(storage, next)), kid, 'after which the old one is not needed any more')
  await t.rejects(load(storage, old), { code: 'FST_OAUTH_OPTION' })
})

t.test('a stored key that cannot be decrypted stops the boot and names the option', async t => {
  const storage = memoryStorage()
  await load(storage, newKey())
  await t.rejects(load(storage, newKey()), { code: 'FST_OAUTH_OPTION', message: /"encryptionKeys"/ })
})

t.test("two servers on one storage accept each other's tokens, codes and refresh tokens", async t => {
  const storage = observableStorage()
  const options = { encryptionKeys: [newKey()] }
  const one = await buildServer(t, { storage, options })
  const two = await buildServer(t, { storage, options })
  const client = one.client()
  await client.register()
  const { clientId } = await client.credentials()
  const answer = await client.authorize()
  const elsewhere = two.client({ clientId })
  const tokens = (await elsewhere.redeem(answer)).json<{ access_token: string; refresh_token: string }>()
  const { verifyAccessToken } = one.app.authorizationServer
  t.equal(await refusalOf(verifyAccessToken(tokens.access_token, RESOURCE)), 'accepted')
  const [first, retry] = [await client.refresh(tokens.refresh_token), await elsewhere.refresh(tokens.refresh_token)]
  t.equal(first.statusCode, 200)
  t.equal(retry.body, first.body, 'a retry at the other server gets the same response')
  await elsewhere.revoke(tokens.refresh_token)
  t.equal(await refusalOf(verifyAccessToken(tokens.access_token, RESOURCE)), 'grant_revoked')
})
