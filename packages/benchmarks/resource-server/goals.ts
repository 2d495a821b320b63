/** What was measured against what it has to be. Ratios are of processor time: above one, ours needs less than the other. */
import { leastCpu, type Outcome } from '../rounds.ts'
import type { Footprint } from './footprint.ts'
import type { Algorithm } from './protection.ts'

type Musts = Partial<Record<Algorithm, number>>

const EVERY = (must: number): Musts => ({ ES256: must, RS256: must, EdDSA: must, HS256: must })

const RATIOS: readonly {
  readonly measure: string
  readonly load: string
  readonly over: string
  readonly must: Musts
}[] = [
  {
    measure: 'hot over bare Fastify',
    load: 'hot',
    over: 'bare-fastify hot',
    must: { ...EVERY(0.85), RS256: 0.78, EdDSA: 0.8 }
  },
  { measure: 'hot over @fastify/jwt with its cache', load: 'hot', over: 'fastify-jwt-cached hot', must: EVERY(1.8) },
  {
    measure: 'hot over Express with the middleware of the SDK',
    load: 'hot',
    over: 'sdk-express hot',
    must: { ES256: 10 }
  },
  { measure: 'cold over the sketch', load: 'cold', over: 'sketch cold', must: EVERY(0.92) },
  {
    measure: 'cold over jose in a preHandler',
    load: 'cold',
    over: 'jose-pre-handler cold',
    must: { ES256: 1.05, RS256: 1.05, EdDSA: 0.97, HS256: 1.8 }
  },
  {
    measure: 'cold with the cache over cold without',
    load: 'cold',
    over: 'fastify-mcp-auth-uncached cold',
    must: EVERY(0.9)
  },
  { measure: 'forged over cold', load: 'forged', over: 'fastify-mcp-auth cold', must: EVERY(0.85) }
]

const MOST: readonly {
  readonly measure: string
  readonly unit: string
  readonly of: keyof Footprint
  readonly most: number
}[] = [
  { measure: 'processor time until it listens, over bare Fastify', unit: 'ms', of: 'listen', most: 60 },
  { measure: 'idle memory, over bare Fastify', unit: 'MB', of: 'idle', most: 10 },
  { measure: 'memory of 10,000 tokens that are remembered', unit: 'MB', of: 'tokens', most: 30 }
]

/** A table of those goals of which both sides were measured. */
export function goalsOf({ series }: Outcome, footprint: Footprint | null): string {
  const cpuOf = (contender: string, load: string): number | null => {
    const found = series.find(one => one.contender === contender && one.load === load)
    return found ? leastCpu(found) : null
  }
  const ratios = RATIOS.flatMap(({ measure, load, over, must }) =>
    Object.entries(must).flatMap(([algorithm, least]) => {
      const [name = '', otherLoad] = over.split(' ')
      const ours = cpuOf('fastify-mcp-auth', `${algorithm} ${load}`)
      const other = cpuOf(name, `${algorithm} ${otherLoad}`)
      if (ours === null || other === null) return []
      const ratio = other / ours
      return [row(`${measure}, ${algorithm}`, least.toFixed(2), ratio.toFixed(2), ratio >= least)]
    })
  )
  const sizes = MOST.map(({ measure, unit, of, most }) => {
    const found = footprint?.[of] ?? Number.NaN
    return row(measure, `at most ${most} ${unit}`, `${found.toFixed(1)} ${unit}`, found <= most)
  })
  const rows = [...ratios, ...(footprint ? sizes : [])]
  return ['| measure | has to be | is | met |', '| --- | ---: | ---: | --- |', ...rows].join('\n')
}

function row(measure: string, must: string, is: string, isMet: boolean): string {
  return `| ${measure} | ${must} | ${is} | ${isMet ? 'yes' : 'no'} |`
}
