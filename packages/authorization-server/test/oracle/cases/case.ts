/** One request, or a few, that both servers get. */
import type { HttpResponse } from '@fastify-mcp-auth/testing'
import type { Side } from '../side.ts'

export interface OracleCase {
  /** `<endpoint>: <what is special>`; unique. */
  readonly name: string
  run(side: Side): Promise<HttpResponse | readonly HttpResponse[]>
}
