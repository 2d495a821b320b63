/** The operations of a deployment, by one client over HTTP, and the time of each. */
import { type Client, readTokens, type TokenAnswer } from '../authorization-server/client.ts'
import type { Issuing } from '../authorization-server/issuing.ts'
import type { ServerProcess } from '../server-process.ts'

export interface Deployment {
  readonly server: ServerProcess
  readonly issuing: Issuing
  readonly client: Client
  /** Grants that are used: a few of those that there are. */
  readonly grants: TokenAnswer[]
}

export interface Sample {
  /** Milliseconds of each operation. */
  readonly times: readonly number[]
  /** Microseconds of processor time of the server per operation; what the database takes is not in it. */
  readonly cpu: number
}

type Operation = (deployment: Deployment, count: number) => Promise<Sample>

/** Records that one call of the cleanup removes. */
export const CLEANUP_BATCH = 1000

export const OPERATIONS: { readonly [name: string]: Operation } = {
  async redemption(deployment, count) {
    const codes: string[] = []
    for (let i = 0; i < count; i++) codes.push(await deployment.client.authorize())
    return timed(deployment, count, async i => void readTokens(await deployment.client.redeem(codes[i] ?? '')))
  },
  // What takes a millisecond is done more often, or what the machine does in that moment would be all that is measured.
  refresh: (deployment, count) =>
    timed(deployment, 5 * count, async () => {
      const index = Math.floor(Math.random() * deployment.grants.length)
      const { refresh_token: token } = deployment.grants[index] as TokenAnswer
      deployment.grants[index] = readTokens(await deployment.client.refresh(token))
    }),
  introspection: (deployment, count) =>
    timed(deployment, 10 * count, async () => {
      const { client, grants } = deployment
      const { access_token: token } = grants[Math.floor(Math.random() * grants.length)] as TokenAnswer
      const { body } = await client.introspect(client.endpoints.introspect ?? '', token)
      if (!body.includes('"active":true')) throw new Error(body)
    }),
  [`cleanup of ${CLEANUP_BATCH}`]: (deployment, count) =>
    timed(deployment, Math.max(1, Math.floor(count / 20)), async () => {
      const { status, body } = await deployment.client.get(`/cleanup?limit=${CLEANUP_BATCH}`)
      if (status !== 200 || Number(body) === 0) throw new Error(`nothing was removed: ${status} ${body}`)
    })
}

async function timed(
  { server }: Deployment,
  count: number,
  operation: (index: number) => Promise<void>
): Promise<Sample> {
  const times: number[] = []
  const before = await server.cpu()
  for (let i = 0; i < count; i++) {
    const start = performance.now()
    await operation(i)
    times.push(performance.now() - start)
  }
  return { times, cpu: ((await server.cpu()) - before) / count }
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
