/** What the doctor says of an app that is a client of others, and of each way in which others do not see it as it is. */
import type { SafeResponse } from '@fastify-mcp-auth/core'
import t from 'tap'
import type { BootedConnections, Report } from '../../src/connections.ts'
import { connectionFindings } from '../../src/doctor/connections.ts'

const NOW = 1_800_000_000
const ROOT = 'https://app.example/mcp/connections'
const DOCUMENT = { client_id: `${ROOT}/client.json`, client_name: 'Acme', jwks_uri: `${ROOT}/jwks.json` }
const KEYS = { keys: [{ kid: 'one', kty: 'EC' }] }

const REPORT: Report = {
  url: 'https://notes.example/mcp',
  auth: 'oauth',
  issuer: 'https://login.example',
  resource: null,
  scopes: [],
  registration: ['dynamic'],
  clockAhead: 2,
  error: null,
  problems: [],
  steps: []
}

interface World {
  readonly urls?: BootedConnections['urls']
  readonly report?: Partial<Report>
  readonly keys?: { current: number; outdated: number; unreadable: number }
  readonly document?: Partial<SafeResponse> | Error
  readonly jwks?: Partial<SafeResponse> | Error
  readonly mirror?: Partial<SafeResponse> | Error
}

/** How the app sees a request that came through a proxy that it believes. */
const SEEN = {
  protocol: 'https',
  host: 'app.example',
  addresses: ['10.0.0.2', '203.0.113.7'],
  isForwarded: true,
  now: NOW
}
const COOKIE = '__Host-mcp-connections=x; Path=/; HttpOnly; SameSite=Lax; Secure'

const json = (value: object): Pick<SafeResponse, 'body'> => ({ body: Buffer.from(JSON.stringify(value)) })

async function findingsIn(world: World) {
  const headers = { 'content-type': 'application/json', date: new Date(NOW * 1000).toUTCString() }
  const answers: Record<string, Partial<SafeResponse> | Error> = {
    [`${ROOT}/client.json`]: world.document ?? json(DOCUMENT),
    [`${ROOT}/jwks.json`]: world.jwks ?? json(KEYS),
    [`${ROOT}/mirror`]: world.mirror ?? { ...json(SEEN), headers: { 'set-cookie': COOKIE } }
  }
  const asked: string[] = []
  const connections = {
    urls: world.urls ?? { index: ROOT, clientDocument: `${ROOT}/client.json`, jwks: `${ROOT}/jwks.json` },
    mirror: { request: () => ({ url: `${ROOT}/mirror`, headers: { pass: 'sealed' } }) },
    clientMetadata: () => DOCUMENT,
    jwks: async () => KEYS,
    keyStatus: async () => world.keys ?? { current: 3, outdated: 0, unreadable: 0 },
    diagnose: async () => ({ ...REPORT, ...world.report }),
    registry: { list: async () => [{ id: 'notes', disabled: false, definition: { auth: 'oauth' } }] }
  } as unknown as BootedConnections
  const findings = await connectionFindings({
    connections,
    now: () => NOW,
    fetch: async url => {
      asked.push(url)
      const answer = answers[url] ?? new Error('nobody is there')
      if (answer instanceof Error) throw answer
      return { status: 200, headers, body: Buffer.alloc(0), ...answer }
    }
  })
  return { findings, asked }
}

t.test('feature 12: all is well', async t => {
  const { findings } = await findingsIn({})
  t.strictSame(
    findings.map(({ check, state }) => [check, state]),
    [
      ['https of connections', 'good'],
      ['client document', 'good'],
      ['clock', 'good'],
      ['proxy', 'good'],
      ['client keys', 'good'],
      ['encryption keys', 'good'],
      ['connection notes', 'good']
    ]
  )
  const waiting = await findingsIn({ keys: { current: 1, outdated: 2, unreadable: 0 } })
  t.match(waiting.findings[5], { state: 'good', seen: /2 secrets wait/ })
})

const wrong: [string, World, RegExp][] = [
  ['an app that does not run', { document: new Error('ECONNREFUSED') }, /^client document: ECONNREFUSED -> start/],
  ['a bot check in front', { document: { status: 403 } }, /^client document: .* answered 403 .* -> .*bot check/],
  [
    'a page with status 200',
    { document: { body: Buffer.from('<html>') } },
    /^client document: .* without the document/
  ],
  [
    'a document of another type',
    { document: { ...json(DOCUMENT), headers: { 'content-type': 'text/plain' } } },
    /^client document: it is not served as JSON/
  ],
  [
    'a document that names another address',
    { document: json({ ...DOCUMENT, client_id: `${ROOT}/client.json/` }) },
    /^client document: it names the client .*client.json\/ -> /
  ],
  [
    'an older version that runs',
    { document: json({ ...DOCUMENT, client_name: 'Old' }) },
    /^client document: differs in client_name/
  ],
  ['keys that a cache keeps', { jwks: json({ keys: [] }) }, /^client keys: .* lacks one -> .*cache/],
  ['keys that are a page', { jwks: { body: Buffer.from('<html>') } }, /^client keys: .* gives no keys/],
  [
    'a clock that is late, whatever date a proxy writes',
    { mirror: { ...json({ ...SEEN, now: NOW - 60 }), headers: { 'set-cookie': COOKIE } } },
    /^clock: 60 s/
  ],
  [
    'another page at the same path',
    { mirror: json({ ...SEEN, host: undefined }) },
    /^proxy: .*mirror answered 200 and does not tell/
  ],
  [
    'an app of other keys',
    { mirror: { status: 404 } },
    /^proxy: .*mirror answered 404 .* -> .*older version.*encryptionKeys.*clock/
  ],
  [
    'a key that is gone',
    { keys: { current: 1, outdated: 0, unreadable: 4 } },
    /^encryption keys: 4 secrets .* -> put that key back/
  ],
  [
    'a server that does not answer',
    { report: { auth: 'unknown', problems: ['the server does not answer'] } },
    /^connection notes: the server does not answer -> /
  ],
  [
    'a server that nobody can connect',
    { report: { error: 'MCP_PKCE_UNSUPPORTED', problems: ['it has no PKCE: "oauth.pkceUnadvertised"'] } },
    /^connection notes: nobody can connect it \(MCP_PKCE_UNSUPPORTED\): it has no PKCE.* -> .*option of ours/
  ],
  [
    'a server that is down behind a friendly greeting',
    { report: { auth: 'none', error: 'MCP_AUTHORIZATION_SERVER_UNAVAILABLE', problems: ['it does not answer'] } },
    /^connection notes: nobody can connect it .*it does not answer/
  ],
  [
    'a server that asks for nothing where people are to sign in',
    { report: { auth: 'none' } },
    /^connection notes: it asks for no authorization.* -> .*"auth": "none"/
  ],
  [
    'an authorization server in another time',
    { report: { clockAhead: -400 } },
    /^connection notes: .* 400 s apart -> let NTP/
  ]
]

for (const [what, world, words] of wrong)
  t.test(`feature 12: finds ${what}, and only that`, async t => {
    const bad = (await findingsIn(world)).findings.filter(({ state }) => state === 'bad')
    t.equal(bad.length, 1, JSON.stringify(bad))
    t.match(`${bad[0]?.check}: ${bad[0]?.seen} -> ${bad[0]?.mend}`, words)
  })

t.test('feature 12: an app on this computer asks nobody for its document', async t => {
  const root = 'http://127.0.0.1:3000/mcp/connections'
  const urls = { index: root, clientDocument: `${root}/client.json`, jwks: `${root}/jwks.json` }
  const { findings, asked } = await findingsIn({ urls })
  t.match(findings[1], { check: 'client document', state: 'skipped' })
  t.strictSame(asked, [])
})
