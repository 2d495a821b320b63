/** What a suite wants to reach, held against what was measured. */
import { advantage, leastCpu, type Series } from './rounds.ts'
import { OURS } from './suites.ts'

export interface Goal {
  readonly what: string
  readonly load: string
  /** The contender that ours is compared with. */
  readonly over: string
  /** When that one is measured under another load; the same one when left out. */
  readonly overLoad?: string
  /** `cpu`: how many times our processor time it needs, at least. `p99`: our slowest answers as a part of its, at most. */
  readonly measure: 'cpu' | 'p99'
  readonly must: number
}

/** One line per goal; one whose contender did not take part was not measured. */
export function goalsOf(goals: readonly Goal[], series: readonly Series[]): string {
  const rows = goals.map(goal => {
    const ratio = ratioOf(goal, series)
    const isMet = goal.measure === 'cpu' ? ratio >= goal.must : ratio <= goal.must
    const verdict = Number.isNaN(ratio) ? 'not measured' : isMet ? 'met' : 'NOT met'
    const bound = goal.measure === 'cpu' ? 'at least' : 'at most'
    return `| ${goal.what} | ${bound} ${goal.must} | ${Number.isNaN(ratio) ? '-' : ratio.toFixed(2)} | ${verdict} |`
  })
  return ['| measure | must | now | |', '| --- | ---: | ---: | --- |', ...rows].join('\n')
}

function ratioOf({ load, over, overLoad = load, measure }: Goal, series: readonly Series[]): number {
  const of = (name: string, under: string): Series | undefined =>
    series.find(one => one.contender === name && one.load === under)
  const [ours, theirs] = [of(OURS, load), of(over, overLoad)]
  if (!ours || !theirs) return Number.NaN
  return measure === 'cpu' ? leastCpu(theirs) / leastCpu(ours) : 1 / advantage(ours, theirs, 'p99')
}
