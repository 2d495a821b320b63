/** Where the two routes are that others know by their address: the redirect URI, and the page that links lead to. */
import type { ResolvedOptions } from './options.ts'

/** A path of ours: plain segments, so that it is the same text wherever it is compared. */
export const PATH = '^(/[A-Za-z0-9._~-]+)+$'

type Placed = Pick<ResolvedOptions, 'prefix' | 'routes'>

/** Paths of the callback and of the connect page, from the root of the origin. */
export function routePathsOf({ prefix, routes }: Placed): { readonly callback: string; readonly connect: string } {
  return { callback: routes.callback ?? `${prefix}/callback`, connect: routes.connect ?? `${prefix}/connect` }
}

/** Which option is wrong, and why; null for paths that can be ours. Each has the right characters by its schema. */
export function routePathFault({ prefix, routes }: Placed): { readonly option: string; readonly why: string } | null {
  const given = Object.entries({ prefix, 'routes.callback': routes.callback, 'routes.connect': routes.connect })
  const paths = given.filter((entry): entry is [string, string] => entry[1] !== undefined)
  for (const [option, path] of paths)
    if (path.split('/').some(part => part === '.' || part === '..'))
      return { option, why: 'has a segment "." or "..", which browsers take out' }
  // One within the other would hide a server or a page of ours behind it.
  for (const [at, [option, path]] of paths.entries())
    for (const [other, outer] of paths.slice(0, at))
      if (path === outer || path.startsWith(`${outer}/`) || outer.startsWith(`${path}/`))
        return { option, why: `must not be within "${other}", nor the other way round` }
  return null
}
