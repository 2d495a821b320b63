/** From one storage to another with the command, and tokens that go on working. */
import t from 'tap'
import { clientOf } from '../fixture-app.ts'
import { createProject, ISSUER } from '../project.ts'

const NEXT =
  'storages: { next: () => sqlStorage({ url: new URL("./next.sqlite", import.meta.url).href.replace("file://", "sqlite:") }) }'

t.test('copy: everything is there, verified, and a second run finds nothing to do', async t => {
  const project = createProject(t, { more: NEXT })
  const app = await project.app()
  const client = clientOf(app, ISSUER)
  await client.connect()
  const ran = await project.run('copy', '--from', 'storage', '--to', 'next', '--json')
  t.equal(ran.code, 0, ran.err)
  const rows = JSON.parse(ran.out) as { collection: string; records: number; added: number; equal: boolean }[]
  const counted = Object.fromEntries(rows.map(({ collection, records, added }) => [collection, [records, added]]))
  t.match(counted, { clients: [1, 1], grants: [1, 1], interactions: [1, 1], signing_keys: [1, 1] })
  t.ok(rows.every(({ equal }) => equal))
  const again = JSON.parse((await project.run('copy', '--from', 'storage', '--to', 'next', '--json')).out)
  t.ok(again.every(({ added, changed }: { added: number; changed: number }) => added + changed === 0))
})

t.test(
  'copy: what changed since the first run is carried over, what went is told, and removed with --prune',
  async t => {
    const project = createProject(t, { more: NEXT })
    const app = await project.app()
    const client = clientOf(app, ISSUER)
    const tokens = await client.connect()
    t.equal((await project.run('copy', '--from', 'storage', '--to', 'next')).code, 0)
    await client.refresh(tokens.refresh_token ?? '')
    const { clientId } = await client.credentials()
    await clientOf(app, ISSUER).credentials()
    await app.authorizationServer.grants.revokeAll({ clientId })
    const dry = await project.run('copy', '--from', 'storage', '--to', 'next', '--dry-run', '--json')
    t.equal(dry.code, 1, 'they differ')
    const row = (out: string, name: string) =>
      JSON.parse(out).find(({ collection }: { collection: string }) => collection === name)
    t.match(row(dry.out, 'grants'), { changed: 1, equal: false })
    const second = await project.run('copy', '--from', 'storage', '--to', 'next', '--json')
    t.match(row(second.out, 'grants'), { changed: 1, equal: true })
    t.match(row(second.out, 'clients'), { added: 1, equal: true })
    t.match(row(second.out, 'consents'), { extra: 1, equal: false })
    t.equal(second.code, 1, 'a consent that was withdrawn is still there')
    const third = await project.run('copy', '--from', 'storage', '--to', 'next', '--prune', '--json')
    t.match(row(third.out, 'consents'), { removed: 1, equal: true })
    t.equal(third.code, 0)
  }
)
