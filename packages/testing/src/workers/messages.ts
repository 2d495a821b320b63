/** What a pool and its processes say to each other. */
import type { SettableClock } from '../clock.ts'

/** What the module of a test exports as `open`: it runs once in every process. */
export interface WorkerModule {
  open(given: {
    readonly clock: SettableClock
    readonly settings: unknown
    /** Its place in the pool, from 0; whoever comes in its place has the same. */
    readonly place: number
  }): Promise<WorkerJobs> | WorkerJobs
}

/** What a process can be told to do. Inputs and results have to be JSON. */
export interface WorkerJobs {
  readonly jobs: { readonly [name: string]: (input: never) => unknown }
  /** Called before a graceful end, not before a kill. */
  close(): Promise<void> | void
}

export type Order =
  | { readonly kind: 'job'; readonly id: number; readonly job: string; readonly input: unknown }
  | { readonly kind: 'time'; readonly now: number }
  | { readonly kind: 'close' }

export type JobReport =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly id: number; readonly result: unknown }
  | {
      readonly kind: 'failed'
      readonly id: number
      readonly error: {
        readonly name: string
        readonly message: string
        readonly code?: string
        readonly reason?: string
      }
    }
