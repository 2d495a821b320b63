/** Issuing tokens: the contenders, by operation, each signed-in user on a connection of his own. */
import { createServer } from 'node:net'
import type { Goal } from '../goals.ts'
import { measure, type Operation, type Sample } from '../load.ts'
import { type Outcome, playRounds, type Series } from '../rounds.ts'
import { type ServerProcess, startServer } from '../server-process.ts'
import type { Plan } from '../suites.ts'
import { Client, readTokens } from './client.ts'
import type { Issuing } from './issuing.ts'
import { disprove, isActive } from './proof.ts'

/** The first is what the others are compared with, the second is ours. */
export const CONTENDERS = [
  'oidc-provider',
  'fastify-mcp-auth',
  'fastify-mcp-auth-asked',
  'oidc-provider-asked',
  'sdk-router',
  'node-oauth',
  'jmondi',
  'better-auth'
] as const

export const GOALS: readonly Goal[] = [
  { what: 'flow over oidc-provider', load: 'flow', over: 'oidc-provider', measure: 'cpu', must: 2.5 },
  { what: "flow over the SDK's router", load: 'flow', over: 'sdk-router', measure: 'cpu', must: 1.6 },
  { what: 'refresh with rotation', load: 'refresh', over: 'oidc-provider', measure: 'cpu', must: 2.2 },
  { what: 'registration', load: 'register', over: 'oidc-provider', measure: 'cpu', must: 2.5 },
  { what: 'introspection of a JWT', load: 'introspect JWT', over: 'oidc-provider', measure: 'cpu', must: 1.1 },
  {
    what: 'introspection of an opaque token',
    load: 'introspect opaque',
    over: 'oidc-provider',
    measure: 'cpu',
    must: 1.5
  },
  { what: 'metadata', load: 'metadata', over: 'oidc-provider', measure: 'cpu', must: 2.5 },
  { what: 'slowest hundredth of flows, 16 people', load: 'flow', over: 'oidc-provider', measure: 'p99', must: 0.5 }
]

export function contenderFile(name: string): URL {
  return new URL(`contenders/${name}.ts`, import.meta.url)
}

const CONNECTIONS = 16
/**
 * Operations before any counts: in the first thousands each takes two to three times as long as when all of it is compiled, and the more
 * code a contender has the longer that lasts.
 */
const WARM_UP = 20_000
/** Seconds after which one that has not done as many is measured as it is. */
const WARM_UP_SECONDS = 15

/** Nobody has thousands of grants in real life, so the flows of a run are spread over this many people. */
const USERS = 20_000

/** @returns what a worker repeats, or null when the server does not offer it */
type Preparation = (client: Client) => Promise<Operation | null>

const OPERATIONS: { readonly [name: string]: Preparation } = {
  flow,
  refresh,
  register,
  'introspect JWT': client => introspect(client, 'jwt'),
  'introspect opaque': client => introspect(client, 'opaque'),
  metadata
}

export function issuingOn(port: number): Issuing {
  return {
    port,
    clientId: 'benchmark',
    redirectUri: 'https://client.example/callback',
    resource: 'http://127.0.0.1/mcp',
    opaqueResource: 'http://127.0.0.1/opaque',
    introspector: { id: 'introspector', secret: 'a-secret-of-the-resource-server-that-asks' },
    scope: 'mcp:tools notes:read'
  }
}

export async function runAuthorizationServer(plan: Plan): Promise<Outcome> {
  const entrants: { server: ServerProcess; issuing: Issuing }[] = []
  try {
    for (const name of CONTENDERS.filter(plan.includes)) {
      const issuing = issuingOn(await freePort())
      const server = await startServer(name, contenderFile(name), issuing)
      if (!server) continue
      entrants.push({ server, issuing })
      const complaints = await disprove(issuing)
      if (complaints.length > 0) throw new Error(`${name} does not do its job: ${complaints.join('; ')}`)
    }
    plan.say(`${entrants.map(({ server }) => server.name).join(', ')} have proven themselves`)
    const series: Series[] = []
    for (const [load, prepare] of Object.entries(OPERATIONS).filter(([load]) => plan.plays(load)))
      series.push(...(await playLoad(plan, load, { prepare, entrants })))
    const participants = entrants.map(({ server: { name, does, leavesOut } }) => ({ name, does, leavesOut }))
    return { participants, series }
  } finally {
    for (const { server } of entrants) await server.stop()
  }
}

async function playLoad(
  plan: Plan,
  load: string,
  { prepare, entrants }: { prepare: Preparation; entrants: readonly { server: ServerProcess; issuing: Issuing }[] }
): Promise<Series[]> {
  const able: (typeof entrants)[number][] = []
  for (const entrant of entrants) if (await warmUp(entrant, prepare)) able.push(entrant)
  return playRounds(
    load,
    plan.rounds,
    able.map(entrant => ({
      name: entrant.server.name,
      async take() {
        const sample = await runWindow(entrant, prepare, plan.seconds)
        if (!sample) throw new Error(`${entrant.server.name} stopped offering ${load}`)
        return sample
      }
    }))
  )
}

/** @returns false for who cannot: without an endpoint there is nothing to warm up */
async function warmUp(entrant: { server: ServerProcess; issuing: Issuing }, prepare: Preparation): Promise<boolean> {
  const end = performance.now() + WARM_UP_SECONDS * 1000
  for (let done = 0; done < WARM_UP && performance.now() < end; ) {
    const sample = await runWindow(entrant, prepare, 1)
    if (!sample) return false
    done += sample.operations
  }
  return true
}

async function runWindow(
  { server, issuing }: { server: ServerProcess; issuing: Issuing },
  prepare: Preparation,
  seconds: number
): Promise<Sample | null> {
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => Client.open(issuing)))
  try {
    const prepared: (Operation | null)[] = []
    for (const client of clients) {
      client.user = nextUser()
      prepared.push(await prepare(client))
    }
    const workers = prepared.filter(operation => operation !== null)
    return workers.length === 0 ? null : await measure(server, workers, seconds)
  } finally {
    for (const client of clients) client.close()
  }
}

let people = 0
function nextUser(): string {
  people = (people + 1) % USERS
  return `user-${people}`
}

/** By one person, as a browser has it. One before the time begins, so that whoever remembers consent has something to remember. */
async function flow(client: Client): Promise<Operation> {
  await client.connect()
  return async () => {
    await client.connect()
    return true
  }
}

async function refresh(client: Client): Promise<Operation> {
  let { refresh_token: token } = await client.connect()
  return async () => {
    token = readTokens(await client.refresh(token)).refresh_token
    return true
  }
}

async function register(client: Client): Promise<Operation | null> {
  const { register: path } = client.endpoints
  if (path === null) return null
  const metadata = {
    client_name: 'Benchmark',
    redirect_uris: ['https://client.example/callback'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none'
  }
  return async () => {
    const { status, body } = await client.postJson(path, metadata)
    if (status !== 201) throw new Error(`registration: ${status} ${body}`)
    return true
  }
}

/** Who cannot tell about JWTs is asked about an opaque token in their place. */
async function introspect(client: Client, wanted: 'jwt' | 'opaque'): Promise<Operation | null> {
  const { introspect: path } = client.endpoints
  if (path === null) return null
  const { access_token: jwt } = await client.connect()
  const { access_token: opaque } = await client.connectOpaque()
  const takesJwt = wanted === 'jwt' && isActive(await client.introspect(path, jwt))
  // It has no opaque ones: two parts of JSON in base64url.
  if (!takesJwt && opaque.startsWith('eyJ')) return null
  const token = takesJwt ? jwt : opaque
  return async () => {
    const answer = await client.introspect(path, token)
    if (!isActive(answer)) throw new Error(`introspection: ${answer.status} ${answer.body}`)
    return true
  }
}

async function metadata(client: Client): Promise<Operation> {
  return async () => {
    const { status } = await client.get(client.endpoints.metadata)
    if (status !== 200) throw new Error(`metadata: ${status}`)
    return true
  }
}

/** One that is free now; the issuer identifier has to name it before the server listens. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port is free')
  return address.port
}
