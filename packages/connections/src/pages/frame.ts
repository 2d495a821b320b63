/** What a page is made with: the words, the frame and the paths for its reader. */
import type { Page } from '@fastify-mcp-auth/core/pages'
import type { PageLocale } from '../locales/languages.ts'

/** A page without what only it can know. */
export type Frame = Omit<Page, 'title'>

export interface Surroundings {
  readonly locale: PageLocale
  readonly frame: Frame
  /** Path of our routes. */
  readonly path: string
  /** Path before the id of a server that is to be connected. */
  readonly connectPath: string
  /** The agent on whose page the person is: every link and form goes on with it. */
  readonly agent: string | null
  readonly now: number
  /** Whether the app has administrators, who alone may change what everybody shares. */
  readonly hasAdmins: boolean
}

/** A path of ours that stays with the agent. */
export function pathTo({ path, agent }: Surroundings, rest: string, query: Record<string, string> = {}): string {
  return withQuery(`${path}${rest}`, agent, query)
}

/** The page that begins a connection. */
export function connectPathTo(
  { connectPath, agent }: Surroundings,
  server: string,
  query: Record<string, string> = {}
): string {
  return withQuery(`${connectPath}/${encodeURIComponent(server)}`, agent, query)
}

function withQuery(path: string, agent: string | null, query: Record<string, string>): string {
  const parameters = new URLSearchParams({ ...query, ...(agent === null ? {} : { agent }) }).toString()
  return `${path}${parameters === '' ? '' : `?${parameters}`}`
}
