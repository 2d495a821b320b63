/** Rounds: everybody once, in turn, so that what else the machine does hits everybody alike. */
import type { Sample } from './load.ts'

/** Samples of one contender under one kind of load, one for each round. */
export interface Series {
  readonly contender: string
  /** `ES256 hot`, `refresh` */
  readonly load: string
  readonly samples: readonly Sample[]
}

/** Who took part, in its own words. */
export interface Participant {
  readonly name: string
  readonly does: string
  readonly leavesOut: string
}

/** What a suite found out. */
export interface Outcome {
  readonly participants: readonly Participant[]
  readonly series: readonly Series[]
  /** Table of what was measured besides the series. */
  readonly besides?: string
}

export interface Entrant {
  readonly name: string
  take(round: number): Promise<Sample>
}

export async function playRounds(load: string, rounds: number, entrants: readonly Entrant[]): Promise<Series[]> {
  const taken = new Map<string, Sample[]>(entrants.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    // Nobody always comes after the same neighbour at the same temperature of the processor.
    const first = round % Math.max(1, entrants.length)
    for (const { name, take } of [...entrants.slice(first), ...entrants.slice(0, first)])
      taken.get(name)?.push(await take(round))
  }
  return [...taken].map(([contender, samples]) => ({ contender, load, samples }))
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** Microseconds of the round that was disturbed least: what others do on the machine only ever adds to it. */
export function leastCpu({ samples }: Series): number {
  return Math.min(...samples.map(({ cpu }) => cpu))
}

/** How many times faster `ours` is than `theirs`: taken within each round, then the median. */
export function advantage(ours: Series, theirs: Series, measure: 'perSecond' | 'p99'): number {
  const ratios = ours.samples.map((sample, round) => {
    const other = theirs.samples[round]?.[measure] ?? Number.NaN
    return measure === 'perSecond' ? sample.perSecond / other : other / sample[measure]
  })
  return median(ratios)
}
