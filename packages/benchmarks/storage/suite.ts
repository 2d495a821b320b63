/**
 * What an operation costs on each engine, with few and with many stored grants:
 *
 *   pnpm bench storage [--engines sqlite,postgres,mariadb,redis] [--grants 1000,1000000] [--rounds N] [--expired N]
 *
 * PostgreSQL and MariaDB are those of `BENCH_POSTGRES_URL` and `BENCH_MYSQL_URL`, or of 127.0.0.1; each size is a database of its own
 * and dropped at the end. Redis is a server of its own. Some of the grants are made over HTTP, the rest are copies of one. Rounds are
 * interleaved and ratios taken inside a round. At last, as many expired records as `--expired` says are added to the largest (0 for none), half
 * of them grants and half interactions (on Redis, which drops those itself, grants only), and removed while somebody else writes.
 */
import { parseArgs } from 'node:util'
import { Client, readTokens, type TokenAnswer } from '../authorization-server/client.ts'
import { freePort, issuingOn } from '../authorization-server/suite.ts'
import { median } from '../rounds.ts'
import { startServer } from '../server-process.ts'
import { contention, grouped } from './contention.ts'
import { assertRoom, ENGINES, type Place } from './engines.ts'
import { CLEANUP_BATCH, type Deployment, OPERATIONS, percentile, type Sample } from './operations.ts'
import { plansOf } from './plans.ts'

/** Of the grants of each database, those that were made over HTTP and are used. */
const MADE = 60
/** Operations of one kind in one round. */
const COUNT = 40

interface Settings {
  readonly sizes: readonly number[]
  readonly rounds: number
  readonly expired: number
}

/** @param args of the command line behind `storage` */
export async function runStorage(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      engines: { type: 'string', default: Object.keys(ENGINES).join() },
      grants: { type: 'string', default: '1000,1000000' },
      rounds: { type: 'string', default: '5' },
      expired: { type: 'string', default: '1000000' }
    }
  })
  const sizes = values.grants.split(',').map(Number)
  const settings = { sizes, rounds: Number(values.rounds), expired: Number(values.expired) }
  for (const name of values.engines.split(',')) {
    assertRoom(sizes.reduce((sum, size) => sum + size, settings.expired))
    const engine = ENGINES[name]
    if (!engine) throw new Error(`no engine ${name}: there are ${Object.keys(ENGINES).join(', ')}`)
    console.log(`### ${name}\n`)
    const places: Place[] = []
    try {
      for (const _ of sizes) places.push(await engine())
      await measure(places, settings)
    } finally {
      for (const place of places) await place.drop()
    }
  }
}

async function measure(places: readonly Place[], { sizes, rounds, expired }: Settings): Promise<void> {
  const deployments: Deployment[] = []
  try {
    const filled: Omit<Deployment, 'client'>[] = []
    for (const [at, place] of places.entries()) filled.push(await deploy(place, sizes[at] ?? 0, rounds))
    // Only now: a connection that waited while a database was filled would be given up.
    for (const one of filled) deployments.push({ ...one, client: await Client.open(one.issuing) })
    // Filling a database takes longer than access tokens live.
    for (const { client, grants } of deployments)
      for (const [at, { refresh_token: token }] of grants.entries())
        grants[at] = readTokens(await client.refresh(token))
    // Once before anything counts, so that everybody is warm.
    for (const operation of Object.values(OPERATIONS))
      for (const deployment of deployments) await operation(deployment, COUNT)
    console.log(await tableOf(deployments, { sizes, rounds }))
    const largest = places.at(-1)
    const deployment = deployments.at(-1)
    if (!largest || !deployment) return
    for (const [verb, plan] of await plansOf(largest)) console.log(`- ${verb}: \`${plan}\``)
    if (expired > 0) console.log(await contention(largest, deployment, { expired, alive: sizes.at(-1) ?? 0 }))
  } finally {
    for (const { server, client } of deployments) {
      client.close()
      await server.stop()
    }
  }
}

async function deploy(place: Place, size: number, rounds: number): Promise<Omit<Deployment, 'client'>> {
  const issuing = issuingOn(await freePort())
  const server = await startServer('ours', new URL('server.ts', import.meta.url), { ...issuing, url: place.url })
  if (!server) throw new Error('it does not start')
  const maker = await Client.open(issuing)
  const grants: TokenAnswer[] = []
  for (let i = 0; i < MADE; i++) {
    maker.user = `user-${i % 20}`
    grants.push(await maker.connect())
  }
  maker.close()
  const start = performance.now()
  await place.fill({ collection: 'grants', copies: Math.max(0, size - MADE), expired: false, among: size })
  // What the cleanup of the rounds removes.
  await place.fill({
    collection: 'grants',
    copies: (rounds + 1) * (COUNT / 20) * CLEANUP_BATCH,
    expired: true,
    among: size
  })
  await place.settle()
  console.error(`${size} grants, filled in ${Math.round((performance.now() - start) / 1000)} s`)
  return { server, issuing, grants }
}

async function tableOf(
  deployments: readonly Deployment[],
  { sizes, rounds }: Omit<Settings, 'expired'>
): Promise<string> {
  const rows: string[] = []
  for (const [name, operation] of Object.entries(OPERATIONS)) {
    const samples: Sample[][] = deployments.map(() => [])
    for (let round = 0; round < rounds; round++)
      for (const [at, deployment] of deployments.entries()) samples[at]?.push(await operation(deployment, COUNT))
    for (const [at, own] of samples.entries()) {
      const all = own.flatMap(({ times }) => times)
      const ratios = own.map(
        ({ times }, round) => percentile(times, 0.5) / percentile(samples[0]?.[round]?.times ?? [], 0.5)
      )
      const [p50, p99] = [percentile(all, 0.5), percentile(all, 0.99)]
      const cells = [name, grouped(sizes[at] ?? 0), grouped(1000 / p50), p50.toFixed(2), p99.toFixed(2)]
      rows.push(`| ${[...cells, grouped(median(own.map(({ cpu }) => cpu))), median(ratios).toFixed(2)].join(' | ')} |`)
    }
  }
  return [
    '| operation | grants | per second | p50, ms | p99, ms | CPU of the app, µs | p50 to the first |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...rows,
    ''
  ].join('\n')
}
