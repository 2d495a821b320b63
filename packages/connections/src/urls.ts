/** Our own URLs. All of them come from the options; none is derived from a request. */
import type { ResolvedOptions } from './options.ts'
import { routePathsOf } from './route-paths.ts'
import type { ConnectionUrls } from './types.ts'

export function urlsOf({
  baseUrl,
  prefix,
  routes,
  client
}: Pick<ResolvedOptions, 'baseUrl' | 'prefix' | 'routes' | 'client'>): ConnectionUrls {
  const root = baseUrl + prefix
  const paths = routePathsOf({ prefix, routes })
  return Object.freeze({
    index: root,
    callback: baseUrl + paths.callback,
    clientDocument: client.documentUrl ?? `${root}/client.json`,
    publicClientDocument: `${root}/client-public.json`,
    jwks: `${root}/jwks.json`,
    link(secret: string, agent?: string): string {
      const url = new URL(`${root}/link/${secret}`)
      if (agent !== undefined) url.searchParams.set('agent', agent)
      return url.href
    },
    connect(server: string, { account, returnTo, agent }: Parameters<ConnectionUrls['connect']>[1] = {}): string {
      const url = new URL(`${baseUrl}${paths.connect}/${encodeURIComponent(server)}`)
      if (account !== undefined) url.searchParams.set('account', account)
      if (agent !== undefined) url.searchParams.set('agent', agent)
      if (returnTo !== undefined) url.searchParams.set('returnTo', returnTo)
      return url.href
    }
  })
}
