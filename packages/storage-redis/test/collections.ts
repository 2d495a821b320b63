/** Collections as the plugins declare them: with and without an index. */
import { defineCollection } from '@fastify-mcp-auth/core'
import { Type } from 'typebox'

const nullableInteger = Type.Union([Type.Integer(), Type.Null()])

/** Like grants: found by their owner, removed by clean-up. */
export const grants = defineCollection({
  name: 'grants',
  record: Type.Object({ owner: Type.String(), usedAt: nullableInteger, expiresAt: nullableInteger }),
  indexes: ['owner'],
  expiry: 'expiresAt'
})

/** Like interactions: found by their key only, dropped by Redis itself. */
export const handles = defineCollection({
  name: 'handles',
  record: Type.Object({ note: Type.String(), usedAt: nullableInteger, expiresAt: nullableInteger }),
  expiry: 'expiresAt',
  shortLived: true
})

export const grant = { owner: 'alice', usedAt: null, expiresAt: null }
export const handle = { note: '', usedAt: null, expiresAt: null }
