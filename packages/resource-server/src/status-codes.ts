/**
 * The names of HTTP statuses, as Node and Fastify give them. Not by `import`, which reads everything that `node:http` has, and thereby
 * loads the `fetch` of Node: a quarter of the time that this package takes to load, for nothing.
 */
import { createRequire } from 'node:module'

export const { STATUS_CODES }: Pick<typeof import('node:http'), 'STATUS_CODES'> = createRequire(import.meta.url)(
  'node:http'
)
