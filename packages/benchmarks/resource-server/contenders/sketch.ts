/**
 * The least a check can cost without remembering anything: one synchronous verification by node:crypto with a key made once, and the
 * claims by hand. Leaves out host and origin, key sets and rotation, claim types, challenges, and every comfort. What cold figures
 * are judged by.
 */
import { createHmac, createPublicKey, type KeyObject, timingSafeEqual, verify } from 'node:crypto'
import { systemClock } from '@fastify-mcp-auth/core'
import fastify from 'fastify'
import { listen } from '../../listen.ts'
import { ANSWER, PATH, type Protection, type ProtectionContender } from '../protection.ts'

export const contender: ProtectionContender = {
  does: 'signature, issuer, type, times, audience, scope; static key; one synchronous hook',
  leavesOut: 'host, origin, key rotation, claim types, challenges',
  start(protection) {
    const statusOf = checker(protection)
    const app = fastify()
    app.get(PATH, {
      onRequest(request, reply, done) {
        const status = statusOf(request.headers.authorization ?? '')
        if (status === 200) done()
        else reply.code(status).send({ error: status === 403 ? 'insufficient_scope' : 'invalid_token' })
      },
      handler: async () => ANSWER
    })
    return listen(app)
  }
}

function checker(protection: Protection): (authorization: string) => number {
  const { algorithm, issuer, resource, scope } = protection
  const isSigned = signatureCheck(protection)
  return authorization => {
    const [header, payload, signature, more] = authorization.slice('Bearer '.length).split('.')
    if (!header || !payload || !signature || more !== undefined) return 401
    const { alg, typ } = decode(header)
    if (alg !== algorithm || typ !== 'at+jwt' || !isSigned(`${header}.${payload}`, signature)) return 401
    const { iss, aud, exp, scope: granted } = decode(payload)
    if (iss !== issuer || aud !== resource || !(Number(exp) > systemClock.now())) return 401
    return String(granted).split(' ').includes(scope) ? 200 : 403
  }
}

function decode(part: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(part, 'base64url').toString())
}

function signatureCheck({ algorithm, publicKey, secret }: Protection): (content: string, signature: string) => boolean {
  if (!publicKey) {
    const mac = (content: string): Buffer =>
      createHmac('sha256', secret ?? '')
        .update(content)
        .digest()
    return (content, signature) => {
      const bytes = Buffer.from(signature, 'base64url')
      return bytes.length === 32 && timingSafeEqual(bytes, mac(content))
    }
  }
  const key: KeyObject = createPublicKey(publicKey.pem)
  const digestName = algorithm === 'EdDSA' ? null : 'sha256'
  // A bare key and a DER signature: both are the quicker ways on Node 24.
  return (content, signature) => {
    const bytes = Buffer.from(signature, 'base64url')
    return verify(digestName, Buffer.from(content), key, algorithm === 'ES256' ? derOf(bytes) : bytes)
  }
}

/** r and s of RFC 7518 section 3.4 as the ASN.1 sequence that OpenSSL reads. */
function derOf(signature: Buffer): Buffer {
  if (signature.length !== 64) return signature
  const numbers = Buffer.concat([derInteger(signature.subarray(0, 32)), derInteger(signature.subarray(32))])
  return Buffer.concat([Buffer.from([0x30, numbers.length]), numbers])
}

function derInteger(bytes: Buffer): Buffer {
  const start = bytes.findIndex(byte => byte !== 0)
  const digits = start < 0 ? Buffer.from([0]) : bytes.subarray(start)
  // A number whose first bit is set would be read as negative.
  const padding = (digits[0] ?? 0) > 0x7f ? [0] : []
  return Buffer.concat([Buffer.from([0x02, digits.length + padding.length, ...padding]), digits])
}
