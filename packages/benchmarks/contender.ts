/** What every contender is: a small server that one file knows how to start. */

export interface RunningServer {
  readonly port: number
  close(): Promise<void>
}

/** Each file under `resource-server/contenders` and `authorization-server/contenders` exports one as `contender`. */
export interface Contender<Settings> {
  /** In one line, for the report: what is done per operation. */
  readonly does: string
  /** What others in the same table do and this one does not; empty when nothing. */
  readonly leavesOut: string
  /** Listens on 127.0.0.1. @returns null when it cannot do what the settings ask for, for example an algorithm */
  start(settings: Settings): Promise<RunningServer | null>
}

/** From the measuring process to a server process. */
export type Order = { type: 'start'; settings: unknown } | { type: 'usage' }

/** From a server process to the measuring process. `cpu` is in microseconds of user and system time together. */
export type Report =
  | { type: 'ready'; port: number; does: string; leavesOut: string }
  | { type: 'unsupported' }
  | { type: 'failed'; message: string }
  | { type: 'usage'; cpu: number }
