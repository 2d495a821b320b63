/** Ours, for the two contenders that differ in its cache only. */
import resourceServer, { hmac, jwt } from '@fastify-mcp-auth/resource-server'
import fastify from 'fastify'
import type { RunningServer } from '../contender.ts'
import { listen } from '../listen.ts'
import { ANSWER, PATH, type Protection } from './protection.ts'

/** @param options of the verifier besides issuer and keys */
export async function startOurs(protection: Protection, options: { readonly cache?: false }): Promise<RunningServer> {
  const { algorithm, issuer, jwksUri, resource, scope, secret } = protection
  const app = fastify()
  const verify =
    algorithm === 'HS256'
      ? hmac({ issuer, secret: secret ?? '', ...options })
      : jwt({ issuer, jwksUri, algorithms: [algorithm], ...options })
  await app.register(resourceServer, { resource, verify })
  app.get(PATH, { config: { mcpAuth: { scopes: [scope] } } }, async () => ANSWER)
  return listen(app)
}
