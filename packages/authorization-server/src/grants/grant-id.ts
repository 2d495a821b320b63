/** Names of grants. They are no secret: whoever uses a grant shows a code or token, which has one of its own. */
import { randomSecret } from '@fastify-mcp-auth/core'

/**
 * 22 characters of base64url: the second in which the grant was made, and 96 random bits.
 *
 * What was made together stands together in the table and in each index of it, and so do most grants that end together. With names that are
 * random from their beginning on, each grant that goes would touch pages of its own in all of them.
 *
 * @param now epoch second
 */
export function newGrantId(now: number): string {
  const second = Buffer.alloc(4)
  second.writeUInt32BE(now % 2 ** 32)
  return Buffer.concat([second, Buffer.from(randomSecret(12), 'base64url')]).toString('base64url')
}
