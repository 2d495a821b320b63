/** What discovery did, step by step, in words that are ours. */
import type { DiscoveryStep } from './types.ts'

export class StepLog {
  readonly steps: DiscoveryStep[] = []

  add(step: string, url: string | null, outcome: DiscoveryStep['outcome'], detail: string, spec: string): void {
    this.steps.push(Object.freeze({ step, url: url === null ? null : shown(url), outcome, detail, spec }))
  }

  append(steps: readonly DiscoveryStep[]): void {
    this.steps.push(...steps)
  }
}

/** Without query and user information: those may carry secrets. */
function shown(url: string): string {
  const parsed = URL.parse(url)
  return parsed ? `${parsed.origin}${parsed.pathname}` : '(no URL)'
}
