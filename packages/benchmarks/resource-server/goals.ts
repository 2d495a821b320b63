/** What checking has to reach, by algorithm, and what it may cost to have the plugin at all. */
import type { Goal } from '../goals.ts'
import type { Footprint } from './footprint.ts'
import { ALGORITHMS, type Algorithm } from './protection.ts'

type Musts = Partial<Record<Algorithm, number>>

const EVERY = (must: number): Musts => ({ ES256: must, RS256: must, EdDSA: must, HS256: must })

const OVER_BARE = { ...EVERY(0.85), RS256: 0.78, EdDSA: 0.8 }
const OVER_JOSE = { ...EVERY(1.05), EdDSA: 0.97, HS256: 1.8 }

/** Ratios of processor time: above one, ours needs less than the other. */
export const GOALS: readonly Goal[] = [
  ...goals('hot over bare Fastify', 'hot', 'bare-fastify', OVER_BARE),
  ...goals('hot over @fastify/jwt with its cache', 'hot', 'fastify-jwt-cached', EVERY(1.8)),
  ...goals('hot over Express with the middleware of the SDK', 'hot', 'sdk-express', { ES256: 10 }),
  ...goals('cold over the sketch', 'cold', 'sketch', EVERY(0.92)),
  ...goals('cold over jose in a preHandler', 'cold', 'jose-pre-handler', OVER_JOSE),
  ...goals('cold with the cache over cold without', 'cold', 'fastify-mcp-auth-uncached', EVERY(0.9)),
  ...goals('forged over cold, both ours', 'forged', 'fastify-mcp-auth', EVERY(0.85)).map(goal => ({
    ...goal,
    overLoad: goal.load.replace('forged', 'cold')
  }))
]

function goals(what: string, load: string, over: string, musts: Musts): Goal[] {
  return ALGORITHMS.flatMap(algorithm => {
    const must = musts[algorithm]
    const name = { what: `${what}, ${algorithm}`, load: `${algorithm} ${load}` }
    return must === undefined ? [] : [{ ...name, over, measure: 'cpu' as const, must }]
  })
}

const MOST: readonly {
  readonly what: string
  readonly unit: string
  readonly of: keyof Footprint
  readonly most: number
}[] = [
  { what: 'processor time until it listens, over bare Fastify', unit: 'ms', of: 'listen', most: 60 },
  { what: 'idle memory, over bare Fastify', unit: 'MB', of: 'idle', most: 10 },
  { what: 'memory of 10,000 tokens that are remembered', unit: 'MB', of: 'tokens', most: 30 }
]

/** The same table for what is no ratio. */
export function footprintTable(footprint: Footprint): string {
  const rows = MOST.map(({ what, unit, of, most }) => {
    const verdict = footprint[of] <= most ? 'met' : 'NOT met'
    return `| ${what} | at most ${most} ${unit} | ${footprint[of].toFixed(1)} ${unit} | ${verdict} |`
  })
  return ['| measure | must | now | |', '| --- | ---: | ---: | --- |', ...rows].join('\n')
}
