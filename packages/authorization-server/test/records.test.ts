/** What the reference page says about how fields are kept is true of what is really stored, whatever the engine is. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CollectionDeclaration, leavesOf, protectionsIn, type StorageDriver } from '@fastify-mcp-auth/core'
import { memoryStorage } from '@fastify-mcp-auth/core/memory'
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import t, { type Test } from 'tap'
import { collections } from '../src/index.ts'
import { LIFETIMES } from '../src/records.ts'
import { createSigner } from './clients/signer.ts'
import { buildDeviceServer, enterCode, poll, startDevice } from './devices.ts'
import { type BuildOptions, ORIGIN, RESOURCE, RESOURCES } from './fixture.ts'
import { observableStorage } from './observable-storage.ts'

const OPTIONS: NonNullable<BuildOptions['options']> = {
  encryptionKeys: [randomBytes(32).toString('base64')],
  resources: { [RESOURCE]: { ...RESOURCES[RESOURCE], accessToken: { format: 'opaque' } } as never }
}

/** Every kind of record, and every field that is protected, filled. @returns what must be nowhere */
async function wholeLife(t: Test, driver: StorageDriver): Promise<string[]> {
  const server = await buildDeviceServer(t, {
    storage: observableStorage(driver),
    options: OPTIONS,
    users: { props: () => ({ upstream: 'an upstream token' }) }
  })
  const client = server.client()
  const registered = (await client.register({ token_endpoint_auth_method: 'client_secret_basic' })).json<{
    client_secret: string
    registration_access_token: string
  }>()
  const answer = await client.authorize()
  const first = (await client.redeem(answer)).json<{ access_token: string; refresh_token: string }>()
  const second = (await client.refresh(first.refresh_token)).json<typeof first>()
  const initial = await server.app.authorizationServer.clients.issueInitialAccessToken()
  const pushing = server.client()
  await pushing.credentials()
  const { searchParams } = new URL((await pushing.start()).url)
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const pushed = await server.app.inject({ method: 'POST', url: '/oauth/par', headers, payload: `${searchParams}` })
  t.equal(pushed.statusCode, 201)
  let clientId = ''
  const signer = await createSigner(() => clientId, server.clock.now)
  const asserting = server.client()
  const registration = await asserting.register({
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [signer.jwk] }
  })
  clientId = registration.json<{ client_id: string }>().client_id
  await server.client({ clientId }).refresh('x', await signer.proof())
  await server.app.authorizationServer.grants.revokeAll({ clientId })
  const device = await startDevice(server)
  await client.decide(await enterCode(client, device.user_code))
  const ofDevice = (await poll(server, device)).json<typeof first>()
  const cookie = /mcp-browser=([\w-]{43})/.exec(client.browser.cookies.header(`${ORIGIN}/oauth/`))?.[1] ?? ''
  return [
    registered.client_secret,
    registered.registration_access_token,
    answer.code ?? '',
    answer.codeVerifier,
    first.access_token,
    first.refresh_token,
    second.access_token,
    second.refresh_token,
    initial.token,
    pushed.json<{ request_uri: string }>().request_uri.split(':').at(-1) ?? '',
    device.device_code.split('.')[1] ?? '',
    ofDevice.access_token,
    ofDevice.refresh_token,
    cookie,
    'an upstream token'
  ]
}

const SHAPES = {
  digest: /^[A-Za-z0-9_-]{43}$/,
  // Key id, salt, ciphertext with its tag; "secret" for a key that is derived from one.
  encrypted: /^(?:[\w-]{8}|secret)\.[\w-]{22}\.[\w-]{22,}$/
}

async function checkStored(t: Test, driver: StorageDriver, secrets: readonly string[]): Promise<void> {
  const seen = new Set<string>()
  for (const collection of collections)
    for (const { key, record } of (await driver.scan?.(collection, { limit: 1000 }))?.records ?? [])
      for (const [name, schema] of Object.entries(collection.record.properties)) {
        const value = record[name]
        for (const { protection, value: leaf } of leavesOf(schema, value)) {
          seen.add(`${collection.name}.${name} ${protection}`)
          if (protection !== 'plain') t.match(leaf, SHAPES[protection], `${collection.name}.${name}`)
        }
        const text = `${key} ${JSON.stringify(value)}`
        t.notOk(
          secrets.some(secret => text.includes(secret)),
          `${collection.name}.${name} has no secret in it`
        )
      }
  for (const field of protectedFields()) t.ok(seen.has(field), `${field}: there was one`)
  for (const { name } of collections.filter(({ name }) => !EMPTY.has(name)))
    t.ok(
      [...seen].some(one => one.startsWith(`${name}.`)),
      `${name}: there was one`
    )
}

/** Filled by fetching documents, which is another test's. */
const EMPTY = new Set(['client_documents'])

function protectedFields(): string[] {
  return collections.flatMap(({ name, record }: CollectionDeclaration) =>
    Object.entries(record.properties).flatMap(([field, schema]) =>
      [...protectionsIn(schema)].flatMap(kind => (kind === 'plain' ? [] : [`${name}.${field} ${kind}`]))
    )
  )
}

t.test('GEN-6: digests are digests, ciphertext is ciphertext, and what is plain holds no secret', async t => {
  const driver = memoryStorage()
  const secrets = await wholeLife(t, driver)
  t.ok(
    secrets.every(secret => secret.length >= 17),
    'all were seen'
  )
  await checkStored(t, driver, secrets)
})

t.test('GEN-6: no secret is in the files of a database', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'records-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const driver = sqlStorage({ url: `sqlite:${join(folder, 'auth.sqlite')}` })
  t.teardown(() => driver.close())
  const secrets = await wholeLife(t, driver)
  await checkStored(t, driver, secrets)
  const files = readdirSync(folder).map(name => readFileSync(join(folder, name), 'latin1'))
  t.ok(
    files.some(file => file.includes('sub-alice')),
    'the records were found'
  )
  for (const [at, secret] of secrets.entries())
    t.notOk(
      files.some(file => file.includes(secret)),
      `secret ${at}`
    )
})

t.test('every collection has a lifetime, and every field whose name says digest is one', t => {
  t.equal(Object.keys(LIFETIMES).length, collections.length)
  for (const { name, record } of collections)
    for (const [field, schema] of Object.entries(record.properties))
      if (/digest/i.test(field)) t.strictSame([...protectionsIn(schema)], ['digest'], `${name}.${field}`)
  t.end()
})
