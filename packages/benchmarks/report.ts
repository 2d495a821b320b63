/** Prints what was measured as Markdown: the least processor time of the rounds, and the medians of everything else. */
import { goalsOf } from './goals.ts'
import { advantage, leastCpu, median, type Outcome, type Participant, type Series } from './rounds.ts'
import { OURS, type Suite } from './suites.ts'

interface Cell {
  /** Whether the value may be printed as it is; in brackets when not. */
  readonly isOwn?: (series: Series) => boolean
  readonly value: (series: Series) => number
  readonly ratio: (series: Series, baseline: Series) => number
}

const COSTS: Cell = {
  value: leastCpu,
  ratio: (series, baseline) => leastCpu(baseline) / leastCpu(series)
}
const RATES: Cell = {
  isOwn: series => median(series.samples.map(({ cores }) => cores)) >= BUSY,
  value: series => median(series.samples.map(({ perSecond }) => perSecond)),
  ratio: (series, baseline) => advantage(series, baseline, 'perSecond')
}
const TAILS: Cell = {
  value: series => median(series.samples.map(({ p99 }) => p99)) * 1000,
  ratio: (series, baseline) => advantage(series, baseline, 'p99')
}

/** A server that kept less of a core busy than this was not the bottleneck: its rate says nothing about it. */
const BUSY = 0.8

export function reportOf(suite: Suite, { participants, series, besides }: Outcome): string {
  const { title, baseline } = suite
  const sections = [
    `Processor time per operation in microseconds, the least of the rounds / ratio to ${baseline} (higher is better)`,
    table(suite, series, COSTS),
    `Processor time of each over that of ${OURS}: how many times more it needs`,
    comparison(suite, series),
    `Operations per second / ratio to ${baseline} (higher is better). In brackets: the server was not kept busy, the rate is not its own`,
    table(suite, series, RATES)
  ]
  const tails = [
    `99th percentile of the time to an answer in microseconds / ratio to ${baseline} (higher is better)`,
    table(suite, series, TAILS)
  ]
  const goals = suite.goals ? ['Goals', goalsOf(suite.goals, series)] : []
  const more = besides === undefined ? [] : ['To have it at all', besides]
  return [`## ${title}`, legend(participants), ...sections, ...(suite.tails ? tails : []), ...goals, ...more].join(
    '\n\n'
  )
}

function legend(participants: readonly Participant[]): string {
  const rows = participants.map(({ name, does, leavesOut }) => `| ${name} | ${does} | ${leavesOut} |`)
  return ['| contender | does | leaves out |', '| --- | --- | --- |', ...rows].join('\n')
}

function table(suite: Suite, series: readonly Series[], { value, ratio, isOwn }: Cell): string {
  return grid(suite, series, found => {
    const baseline = series.find(({ contender, load }) => contender === suite.baseline && load === found.load)
    const absolute = Math.round(value(found)).toLocaleString('en')
    const text = baseline ? `${absolute} / ${ratio(found, baseline).toFixed(2)}` : absolute
    return isOwn && !isOwn(found) ? `(${text})` : text
  })
}

function comparison(suite: Suite, series: readonly Series[]): string {
  return grid(suite, series, found => {
    const ours = series.find(({ contender, load }) => contender === OURS && load === found.load)
    return ours ? (leastCpu(found) / leastCpu(ours)).toFixed(2) : '-'
  })
}

function grid(suite: Suite, series: readonly Series[], cell: (found: Series) => string): string {
  const loads = [...new Set(series.map(({ load }) => load))]
  const names = suite.contenders.filter(name => series.some(({ contender }) => contender === name))
  const rows = names.map(name => {
    const cells = loads.map(load => {
      const found = series.find(one => one.contender === name && one.load === load)
      return found ? cell(found) : '-'
    })
    return `| ${name} | ${cells.join(' | ')} |`
  })
  const rule = ['---', ...loads.map(() => '---:')]
  return [`| contender | ${loads.join(' | ')} |`, `| ${rule.join(' | ')} |`, ...rows].join('\n')
}
