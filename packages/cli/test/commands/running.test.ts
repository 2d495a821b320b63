/** The commands for a deployment that runs, each against a database that has something in it. */
import { createHash } from 'node:crypto'
import t from 'tap'
import { clientOf } from '../fixture-app.ts'
import { createProject, ISSUER, type Project, run } from '../project.ts'

const OWN = ['authorization_code', 'client_credentials']

/** A project where somebody uses two installations of a client that registered itself. */
async function used(t: Parameters<typeof createProject>[0]) {
  const project = createProject(t)
  const app = await project.app()
  const client = clientOf(app, ISSUER)
  const { clientId } = await client.credentials()
  const [first, second] = [await client.connect(), await client.connect()]
  const isAlive = async (tokens: typeof first) => (await client.refresh(tokens.refresh_token ?? '')).statusCode === 200
  const grants = async () => (await app.authorizationServer.grants.list('alice')).grants
  return { project, app, client, clientId, first, second, isAlive, grants }
}

t.test('keys generate: 32 random bytes in base64, each time others, without a configuration', async t => {
  const [one, two] = [await run('keys', 'generate'), await run('keys', 'generate')]
  t.equal(one.code, 0)
  t.match(one.out, /^[A-Za-z0-9+/]{43}=\n$/)
  t.not(one.out, two.out)
  t.equal(Buffer.from(one.out, 'base64').length, 32)
})

t.test('keys list and rotate: states and no key material; at once when a key was stolen', async t => {
  const { project, app, first, client } = await used(t)
  const list = async (...args: string[]) => JSON.parse((await project.run('keys', ...args, '--json')).out)
  const before = await list('list')
  t.match(before, [{ alg: 'ES256', state: 'current' }])
  t.strictSame(Object.keys(before[0]), ['kid', 'alg', 'state', 'created', 'active from'])
  const rotated = await list('rotate')
  t.strictSame(
    rotated.map(({ state }: { state: string }) => state),
    ['current', 'next']
  )
  t.equal(rotated[0].kid, before[0].kid)
  const immediately = await list('rotate', '--immediately')
  t.notOk(immediately.some(({ kid }: { kid: string }) => kid === before[0].kid))
  t.equal((await client.refresh(first.refresh_token ?? '')).statusCode, 200, 'refresh tokens are not signed')
  await app.close()
})

t.test('stats counts, no further than asked for', async t => {
  const { project } = await used(t)
  const ran = await project.run('stats')
  t.equal(ran.code, 0)
  t.match(ran.out, /clients +1\ngrants +2\ninteractions +2\n/)
  t.match((await project.run('stats', '--limit', '1')).out, /grants +more than 1\n/)
  t.strictSame(JSON.parse((await project.run('stats', '--json')).out), { clients: 1, grants: 2, interactions: 2 })
})

t.test('clients: list, show and remove, without a secret', async t => {
  const { project, clientId, first, isAlive } = await used(t)
  const list = await project.run('clients', 'list')
  t.match(list.out, clientId)
  t.match((await project.run('clients', 'list', '--app')).out, 'No client is registered.')
  const shown = await project.run('clients', 'show', clientId)
  t.equal(shown.code, 0)
  t.match(shown.out, /name +Test client/)
  t.match(shown.out, /redirect URIs +http:\/\/127\.0\.0\.1:49152\/callback/)
  for (const form of ['show', 'remove']) {
    const unknown = await project.run('clients', form, 'nobody')
    t.equal(unknown.code, 1)
    t.match(unknown.err, 'There is no client "nobody"')
  }
  t.equal(await isAlive(first), true, 'nothing was removed yet')
  t.equal((await project.run('clients', 'remove', clientId)).code, 0)
  t.equal(await isAlive(first), false)
  t.equal((await project.run('clients', 'show', clientId)).code, 1)
})

t.test('clients access: says what a client of the app may do in its own name, resource by resource', async t => {
  const project = createProject(t)
  const app = await project.app()
  const resource = `${ISSUER}/mcp`
  const { clientId } = await app.authorizationServer.clients.register(
    { client_name: 'Robot', redirect_uris: ['https://app.example/cb'], grant_types: OWN },
    { clientCredentials: { [resource]: ['mcp:tools'] } }
  )
  t.match((await project.run('clients', 'show', clientId)).out, `in its own name  ${resource}: mcp:tools`)
  const access = (...words: string[]) => project.run('clients', 'access', ...words)
  const unknown = await access(clientId, resource, 'mcp:unknown')
  t.equal(unknown.code, 1)
  t.match(unknown.err, 'clientCredentials names an unknown scope')
  const less = await access(clientId, resource.replace('http', 'HTTP'))
  t.equal(less.code, 0)
  t.match(less.out, /in its own name *\n/)
  t.notMatch((await project.run('clients', 'show', clientId)).out, 'client_credentials', 'the grant type goes with it')
  t.equal((await access('nobody', resource)).code, 1)
  t.equal((await access(clientId)).code, 2)
  const own = await clientOf(app, ISSUER).credentials()
  t.match((await access(own.clientId, resource, 'mcp:tools')).err, 'registered itself')
})

t.test('clients list: bounded, and says so', async t => {
  const project = createProject(t)
  const app = await project.app()
  for (let i = 0; i < 3; i++) await clientOf(app, ISSUER).register({ client_name: `Client ${i}` })
  const ran = await project.run('clients', 'list', '--limit', '2', '--json')
  t.equal(JSON.parse(ran.out).length, 2)
  t.match(ran.err, /more than 2/)
  t.equal((await project.run('clients', 'list', '--limit', '3')).err, '')
})

t.test('the name that a client gave itself cannot write on the terminal', async t => {
  const project = createProject(t)
  const app = await project.app()
  await app.authorizationServer.clients.register({
    client_name: 'Nice\u202eeciN',
    redirect_uris: ['https://app.example/cb']
  })
  const { out } = await project.run('clients', 'list', '--app')
  t.match(out, 'Nice\\u{202e}eciN')
  t.notMatch(out, '\u202e')
})

for (const by of ['user', 'organization', 'client'] as const)
  t.test(`revoke --${by}: ends what it names and nothing else`, async t => {
    const { project, clientId, first, second, isAlive, grants } = await used(t)
    const value = { user: 'alice', organization: 'acme', client: clientId }[by]
    const none = await project.run('revoke', `--${by}`, 'other')
    t.equal(none.code, 1)
    t.equal((await project.run('revoke', `--${by}`, value, '--user', 'somebody')).code, 1, 'all criteria count')
    t.equal((await grants()).length, 2)
    const ran = await project.run('revoke', `--${by}`, value)
    t.equal(ran.code, 0)
    t.match(ran.out, /ended +2/)
    t.strictSame([await isAlive(first), await isAlive(second)], [false, false])
  })

t.test('revoke --grant: one grant', async t => {
  const { project, first, second, isAlive, grants } = await used(t)
  const [{ grantId } = never()] = await grants()
  t.equal((await project.run('revoke', '--grant', grantId)).code, 0)
  t.equal((await project.run('revoke', '--grant', grantId)).code, 1, 'it was ended before')
  t.strictSame([await isAlive(first), await isAlive(second)].toSorted(), [false, true])
})

t.test('cleanup removes what is over, no more than asked for, and nothing that is alive', async t => {
  const { project, app, first, isAlive } = await used(t)
  t.match((await project.run('cleanup')).out, /removed +0/)
  await expireInteractions(project)
  t.match((await project.run('cleanup', '--limit', '1')).out, /removed +1/)
  t.match((await project.run('cleanup')).out, /removed +1/)
  t.equal((await app.authorizationServer.stats()).interactions?.count, 0)
  t.equal(await isAlive(first), true)
})

t.test('a whole run of the commands prints no token, code, secret or key', async t => {
  const { project, first, clientId, grants } = await used(t)
  const [{ grantId } = never()] = await grants()
  const printed: string[] = []
  for (const words of [
    ['keys', 'list'],
    ['keys', 'rotate'],
    ['stats'],
    ['clients', 'list'],
    ['clients', 'show', clientId],
    ['migrate', '--print'],
    ['doctor'],
    ['revoke', '--grant', grantId],
    ['clients', 'remove', clientId]
  ]) {
    const { out, err } = await project.run(...words)
    printed.push(out, err)
  }
  const all = printed.join('')
  for (const secret of [first.access_token, first.refresh_token ?? '', '"d":', 'BEGIN PRIVATE'])
    t.notOk(all.includes(secret), secret.slice(0, 5))
  t.notMatch(
    all,
    createHash('sha256')
      .update(first.refresh_token ?? '')
      .digest('base64url')
  )
})

async function expireInteractions({ folder }: Project): Promise<void> {
  const { default: Database } = await import('better-sqlite3')
  const db = new Database(`${folder}/auth.sqlite`)
  db.exec('update mcp_auth_interactions set "expiresAt" = 1')
  db.close()
}

function never(): never {
  throw new Error('not there')
}
