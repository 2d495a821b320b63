/** What the doctor says of a deployment that is well, and of each way in which it is not. */

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createProject, type Project, run } from './project.ts'

interface Finding {
  check: string
  state: string
  seen: string
  mend: string | null
}

/** A proxy in front of the app, which a test can make misbehave. */
async function deployment(t: Test, misbehave: (request: IncomingMessage, reply: Reply) => Reply = (_, reply) => reply) {
  const proxy = createServer((request, response) => void answer(request, response))
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.teardown(() => proxy.close().closeAllConnections())
  const issuer = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const project = createProject(t, { issuer })
  const app = await project.app()
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const inner = await app.inject({ method: request.method as 'GET', url: request.url ?? '/' })
    const { statusCode, headers, body } = misbehave(request, {
      ...inner,
      headers: { ...inner.headers },
      body: inner.body
    })
    for (const [name, value] of Object.entries(headers))
      if (name !== 'content-length') response.setHeader(name, value ?? '')
    response.writeHead(statusCode).end(body)
  }
  return { issuer, project, app }
}

interface Reply {
  statusCode: number
  headers: { [name: string]: string | string[] | number | undefined }
  body: string
}

async function examine(project: Project, ...more: string[]): Promise<{ code: number; findings: Finding[] }> {
  const ran = await project.run('doctor', '--json', ...more)
  return { code: ran.code, findings: JSON.parse(ran.out) as Finding[] }
}

const badOnes = (findings: Finding[]): string[] =>
  findings.filter(({ state }) => state === 'bad').map(({ check, seen, mend }) => `${check}: ${seen} -> ${mend}`)

t.test('all is well', async t => {
  const { project, issuer } = await deployment(t)
  const { code, findings } = await examine(project)
  t.strictSame(badOnes(findings), [])
  t.equal(code, 0)
  const checks = [
    'storage',
    'tables',
    'durability',
    'boot',
    'signing keys',
    'https',
    'issuer',
    'metadata',
    'key set',
    'clock'
  ]
  for (const check of [...checks, `resource ${issuer}/mcp`])
    t.ok(
      findings.some(finding => finding.check === check && finding.state === 'good'),
      check
    )
  const told = await project.run('doctor')
  t.match(told.out, /good +key set: 1 keys/)
  t.match(told.err, 'All is well')
})

const wrong: [string, (request: IncomingMessage, reply: Reply) => Reply, RegExp][] = [
  [
    'a proxy that answers well-known paths itself',
    ({ url }, reply) => (url?.includes('oauth-authorization-server') ? { ...reply, statusCode: 404 } : reply),
    /^issuer: .* answered 404 -> .*proxy/
  ],
  [
    'another issuer in the metadata',
    (_, reply) => ({ ...reply, body: reply.body.replace(/("issuer":"[^"]+)"/, '$1/"') }),
    /^metadata: .* names the issuer .*\/, this app is .* -> write both alike/
  ],
  [
    'an older version that runs',
    (_, reply) => ({ ...reply, body: reply.body.replace('"S256"', '"plain"') }),
    /^metadata: differs in code_challenge_methods_supported -> /
  ],
  [
    'a key set that a cache keeps',
    ({ url }, reply) => (url?.includes('jwks') ? { ...reply, body: '{"keys":[]}' } : reply),
    /^key set: lacks .* -> .*cache/
  ],
  [
    'a key set that is a page',
    ({ url }, reply) => (url?.includes('jwks') ? { ...reply, body: '<html>' } : reply),
    /^key set: .* gives no keys/
  ],
  [
    'a clock that is late',
    (_, reply) => ({ ...reply, headers: { ...reply.headers, date: new Date(Date.now() - 60_000).toUTCString() } }),
    /^clock: (59|60|61|62) s .* -> .*NTP/
  ],
  [
    'another resource in the metadata',
    (_, reply) => ({ ...reply, body: reply.body.replace(/("resource":"[^"]+)"/, '$1/"') }),
    /^resource .*: its metadata names .*\/mcp\/ -> write both alike/
  ],
  [
    'metadata of a resource that names nobody',
    (_, reply) => ({
      ...reply,
      body: reply.body.replace(/"authorization_servers":\[[^\]]*\]/, '"authorization_servers":[]')
    }),
    /^resource .*: its metadata does not name /
  ],
  [
    'a proxy that takes WWW-Authenticate away',
    (_, reply) => ({ ...reply, headers: { ...reply.headers, 'www-authenticate': '' } }),
    /^resource .*: its 401 does not lead to the metadata -> /
  ],
  [
    'an open door',
    ({ url, method }, reply) => (url === '/mcp' && method === 'POST' ? { ...reply, statusCode: 200 } : reply),
    /^resource .*: answers 200 to a request without a token -> protect/
  ]
]

for (const [what, misbehave, words] of wrong)
  t.test(`finds ${what}, and only that`, async t => {
    const { project } = await deployment(t, misbehave)
    const { code, findings } = await examine(project)
    const found = badOnes(findings)
    t.equal(code, 1)
    t.equal(found.length, 1, found.join('; '))
    t.match(found[0], words)
  })

t.test('nobody listens under the public address', async t => {
  const ran = await createProject(t, { issuer: 'http://127.0.0.1:1' }).run('doctor')
  t.equal(ran.code, 1)
  t.match(ran.out, /bad +issuer: .*\n +start the app/)
})

t.test('a database that is down, and one that forgets', async t => {
  const down = await createProject(t, {
    more: 'app() { return buildFixtureApp({ issuer: "http://127.0.0.1:1", storage: this.storage() }) }, storage: () => sqlStorage({ url: "sqlite:/dev/null/x" })'
  }).run('doctor')
  t.equal(down.code, 1)
  t.match(down.out, /bad +storage: it does not answer/)
  t.match(down.out, /bad +boot: /)
  const forgetful = await createProject(t, { more: 'storage: memoryStorage' }).run('doctor')
  t.match(forgetful.out, /bad +durability: /)
})

t.test('another resource can be named, and has to be a URL', async t => {
  const { project, issuer } = await deployment(t)
  const { findings } = await examine(project, '--resource', `${issuer}/other`, '--resource', `${issuer}/mcp`)
  t.match(badOnes(findings), [/other: .*answered 404/])
  t.equal((await run('doctor', '--config', project.config, '--resource', 'x')).code, 2)
})
