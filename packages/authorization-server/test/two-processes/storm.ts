/**
 * Agents that sign in, redeem, refresh in parallel, revoke and misbehave at random, at processes that are chosen at random. Who does
 * what is decided by the seed; what overlaps with what is decided by the machine.
 */
import {
  createOAuthClient,
  formWith,
  type HttpResponse,
  type InjectableApp,
  type OAuthClient
} from '@fastify-mcp-auth/testing'
import type { Observation } from './history.ts'

/** The resource server, which may ask about tokens. */
export const CHECKER = { clientId: 'checker', clientSecret: 'known-to-both' }

export type Random = () => number

/** Mulberry32: enough for choices that can be made again. */
export function seeded(seed: number): Random {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export interface Storm {
  readonly issuer: string
  /** Where the processes listen. */
  readonly addresses: readonly string[]
  readonly agents: number
  readonly seed: number
  /** Asked before anything new begins. @param observations so far */
  readonly isOver: (observations: readonly Observation[]) => boolean
}

export async function runStorm({ issuer, addresses, agents, seed, isOver }: Storm): Promise<Observation[]> {
  const observations: Observation[] = []
  let ticks = 0
  const choose = seeded(seed)
  const app: InjectableApp = {
    async inject({ method, url, headers: { host: _, ...headers }, payload }) {
      const address = addresses[Math.floor(choose() * addresses.length)]
      const response = await fetch(`${address}${url}`, {
        method,
        headers,
        redirect: 'manual',
        ...(payload === undefined ? {} : { body: payload })
      })
      const fields = { ...Object.fromEntries(response.headers), 'set-cookie': response.headers.getSetCookie() }
      return { statusCode: response.status, headers: fields, body: await response.text() }
    }
  }

  async function observe(
    about: Pick<Observation, 'kind' | 'presented'>,
    act: () => Promise<Pick<Observation, 'outcome' | 'received' | 'body'>>
  ): Promise<Observation> {
    const startedAt = ++ticks
    const seen = await act().catch((error: unknown) => ({
      outcome: 'fault' as const,
      received: null,
      body: `${error}`
    }))
    const [grantId = ''] = (about.kind === 'consent' ? (seen.received ?? '') : about.presented).split('.')
    const observation = { ...about, ...seen, grantId, startedAt, endedAt: ++ticks }
    observations.push(observation)
    return observation
  }

  const resource = `${issuer}/mcp`
  const registrar = createOAuthClient({ app, resource, issuer })
  const { clientId } = await registrar.credentials()

  async function agent(name: string, random: Random): Promise<void> {
    while (!isOver(observations)) {
      const client = createOAuthClient({ app, resource, issuer, clientId, username: name, password: 'pw' })
      await connection({ client, random, observe, isOver: () => isOver(observations) })
    }
  }

  await Promise.all(Array.from({ length: agents }, (_, i) => agent(`agent${i}`, seeded(seed + i + 1))))
  return observations
}

interface Connection {
  readonly client: OAuthClient
  readonly random: Random
  readonly observe: (
    about: Pick<Observation, 'kind' | 'presented'>,
    act: () => Promise<Pick<Observation, 'outcome' | 'received' | 'body'>>
  ) => Promise<Observation>
  readonly isOver: () => boolean
}

/** The life of one grant, from a decision to its end. */
async function connection(context: Connection): Promise<void> {
  const { random, observe, client, isOver } = context
  const answer = await consent(context)
  if (!answer) return
  const redeem = () =>
    observe({ kind: 'redeem', presented: answer.code }, async () => tokensOf(await client.redeem(answer)))
  const redeemed = await times(random() < 0.1 ? 3 : 1, redeem)
  let current = redeemed.find(({ outcome }) => outcome === 'ok')
  const used: string[] = []
  const refresh = (token: string) => () =>
    observe({ kind: 'refresh', presented: token }, async () => tokensOf(await client.refresh(token)))
  const introspect = (grant: string, token: string) => () =>
    observe({ kind: 'introspect', presented: `${grant}.${token}` }, async () =>
      activityOf(await introspected(client, token))
    )
  for (let rounds = 0; current?.received && rounds < 12 && !isOver(); rounds++) {
    const { received: token, body, grantId } = current
    const dice = random()
    const check = introspect(grantId, JSON.parse(body).access_token)
    if (dice < 0.08) {
      const revoke = () =>
        observe({ kind: 'revoke', presented: token }, async () => emptyOf(await client.revoke(token)))
      await Promise.all([...Array.from({ length: 3 }, refresh(token)), revoke(), check()])
      await times(2, refresh(token))
      await times(2, check)
      return
    }
    if (dice < 0.12 && used.length > 1) {
      // A thief, at the same moment as its owner, and the owner afterwards.
      await Promise.all([refresh(used.at(-2) ?? '')(), refresh(token)(), check()])
      await times(2, refresh(token))
      await times(2, check)
      return
    }
    const answers = await times(dice < 0.5 ? 1 : 1 + Math.floor(random() * 7), refresh(token))
    await check()
    used.push(token)
    current = answers.find(({ outcome }) => outcome === 'ok')
  }
  // Whatever happened: who still has a good token can use it at every process.
  if (current?.received) await times(2, refresh(current.received))
}

/** Signs in and allows, sometimes with a second click that meets another process. */
async function consent({ client, random, observe }: Connection) {
  const started = await client.start()
  const page = await client.browser.open(started.url)
  const decision = formWith(page, 'password') ? await client.login(page) : page
  const clicks = await times(random() < 0.3 ? 2 : 1, () =>
    observe({ kind: 'consent', presented: started.state }, async () => {
      const { leavesTo, body, statusCode } = await client.decide(decision)
      const code = URL.parse(leavesTo ?? '')?.searchParams.get('code') ?? null
      return {
        outcome: code === null ? 'fault' : 'ok',
        received: code,
        body: code === null ? `${statusCode} ${body}` : ''
      }
    })
  )
  const code = clicks.find(({ received }) => received !== null)?.received
  return code ? { code, codeVerifier: started.codeVerifier, redirectUri: started.redirectUri } : null
}

function tokensOf({ statusCode, body }: HttpResponse): Pick<Observation, 'outcome' | 'received' | 'body'> {
  if (statusCode === 200) return { outcome: 'ok', received: JSON.parse(body).refresh_token ?? null, body }
  const isRefusal = statusCode === 400 && JSON.parse(body).error === 'invalid_grant'
  return { outcome: isRefusal ? 'refused' : 'fault', received: null, body }
}

function emptyOf({ statusCode, body }: HttpResponse): Pick<Observation, 'outcome' | 'received' | 'body'> {
  return { outcome: statusCode === 200 ? 'ok' : 'fault', received: null, body }
}

function activityOf({ statusCode, body }: HttpResponse): Pick<Observation, 'outcome' | 'received' | 'body'> {
  if (statusCode !== 200) return { outcome: 'fault', received: null, body }
  return { outcome: JSON.parse(body).active ? 'ok' : 'refused', received: null, body: '' }
}

async function introspected({ send, discover }: OAuthClient, token: string): Promise<HttpResponse> {
  const { server } = await discover()
  return send({
    method: 'POST',
    url: server.introspection_endpoint ?? '',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ token, client_id: CHECKER.clientId, client_secret: CHECKER.clientSecret }).toString()
  })
}

function times<T>(count: number, act: () => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, act))
}
