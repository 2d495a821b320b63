/**
 * The parts of undici that one request needs, loaded with the first request. All of undici takes 130 ms of processor time and 6 MB: much for
 * a server that fetches one key set, and for nothing in one that fetches none. These are a sixth of that.
 *
 * They are what undici's own entry point is made of. Its version is fixed, and the tests of safe-fetch.ts go through them.
 */
/// <reference path="./undici.d.ts" />
import type { Agent, buildConnector, Dispatcher } from 'undici'

/** How connections are made, by undici's own connector. */
export type MakeConnector = (build: typeof buildConnector) => buildConnector.connector

/** A pool of connections of its own. */
export type HttpClient = (request: Dispatcher.RequestOptions) => Promise<Dispatcher.ResponseData>

/** @param options of the agent, whose connections are made by `connect` */
export async function openHttpClient(
  connect: MakeConnector,
  options: Omit<Agent.Options, 'connect'>
): Promise<HttpClient> {
  const [{ default: PoolAgent }, { default: build }, { default: request }] = await Promise.all([
    import('undici/lib/dispatcher/agent.js'),
    import('undici/lib/core/connect.js'),
    import('undici/lib/api/api-request.js')
  ])
  const agent = new PoolAgent({ ...options, connect: connect(build) })
  return one => request.call(agent, one)
}
