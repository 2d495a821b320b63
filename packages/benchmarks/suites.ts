/** The suites by name, and what a run asks of them. */
import { GOALS, CONTENDERS as issuers, runAuthorizationServer } from './authorization-server/suite.ts'
import type { Goal } from './goals.ts'
import { GOALS as GUARD_GOALS } from './resource-server/goals.ts'
import { CONTENDERS as guards, runResourceServer } from './resource-server/suite.ts'
import type { Outcome } from './rounds.ts'

export interface Plan {
  readonly rounds: number
  /** Length of one measurement of one contender. */
  readonly seconds: number
  includes(contender: string): boolean
  /** @param load `ES256 hot`, `refresh` */
  plays(load: string): boolean
  /** Progress, for whoever waits. */
  say(text: string): void
}

export interface Suite {
  readonly title: string
  /** What the others are compared with, by name. */
  readonly baseline: string
  readonly contenders: readonly string[]
  /** Whether the slowest answers are of interest. */
  readonly tails: boolean
  readonly goals?: readonly Goal[]
  run(plan: Plan): Promise<Outcome>
}

/** The name of our own contender in every suite. */
export const OURS = 'fastify-mcp-auth'

export const SUITES: { readonly [name: string]: Suite } = {
  'resource-server': {
    title: 'Checking a token on each request',
    baseline: 'bare-fastify',
    contenders: guards,
    tails: false,
    goals: GUARD_GOALS,
    run: runResourceServer
  },
  'authorization-server': {
    title: 'Issuing tokens',
    baseline: 'oidc-provider',
    contenders: issuers,
    tails: true,
    goals: GOALS,
    run: runAuthorizationServer
  }
}
