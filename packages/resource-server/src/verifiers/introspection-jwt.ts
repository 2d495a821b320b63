/**
 * Answers that the issuer has signed: proof of who said it that outlives the connection, and that nothing between could change.
 *
 * @see RFC 9701
 */
import { KeyObject } from 'node:crypto'
import type { Clock, JwksSource, SafeResponse } from '@fastify-mcp-auth/core'
import { isTime } from './claims.ts'
import { AnswerError, type AnswerFormat, type IntrospectionBody } from './introspection-endpoint.ts'
import { isSignedBy } from './signature.ts'
import { assertHeader, readSignedToken, type SignedToken } from './signed-token.ts'

const MEDIA_TYPE = 'application/token-introspection+jwt'
const TYPE = /^(application\/)?token-introspection\+jwt$/i
/** Seconds between the signature and now, either way: clocks may differ, but an answer of yesterday is no answer. */
const MAX_AGE = 300

export interface SignedAnswerRules {
  /** Who has to have signed. */
  readonly issuer: string
  /** Who has to have asked: our client ID. */
  readonly audience: string
  readonly keys: Pick<JwksSource, 'key'>
  readonly algorithms: readonly string[]
  readonly clock: Clock
}

/**
 * Takes nothing but a signed answer: one in plain JSON would be worth no more than the connection. Encrypted ones are not understood.
 *
 * Does not judge the token: what is in `token_introspection` is read as any other answer.
 */
export function signedAnswers(rules: SignedAnswerRules): AnswerFormat {
  return Object.freeze({ accept: MEDIA_TYPE, read: (response: SafeResponse) => readAnswer(rules, response) })
}

async function readAnswer(rules: SignedAnswerRules, response: SafeResponse): Promise<IntrospectionBody> {
  const [contentType = ''] = (response.headers['content-type'] ?? '').split(';')
  if (contentType.trim().toLowerCase() !== MEDIA_TYPE) throw new AnswerError('the answer is not signed')
  const signed = readSignedToken(response.body.toString('latin1').trim())
  // RFC 9701 section 8.1: every other JWT of this issuer, an access token above all, is none of its answers.
  if (typeof signed.header['typ'] !== 'string' || !TYPE.test(signed.header['typ']))
    throw new AnswerError('the answer is another kind of JWT')
  const header = assertHeader(signed.header, rules.algorithms)
  assertAddressed(rules, signed.claims)
  const key = KeyObject.from(await rules.keys.key(header))
  if (!isSignedBy(key, { alg: header.alg, content: signed.content, signature: signed.signature }))
    throw new AnswerError('the signature of the answer is not valid')
  assertRecent(rules.clock.now(), signed.claims)
  const { token_introspection: body } = signed.claims
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new AnswerError('the answer has no token_introspection')
  return body as IntrospectionBody
}

function assertAddressed({ issuer, audience }: SignedAnswerRules, { iss, aud }: SignedToken['claims']): void {
  if (iss !== issuer) throw new AnswerError('the answer is from another issuer')
  if (![aud].flat().includes(audience)) throw new AnswerError('the answer is for another client')
}

function assertRecent(now: number, { iat, exp, nbf }: SignedToken['claims']): void {
  if (!isTime(iat) || Math.abs(now - iat) > MAX_AGE) throw new AnswerError('the answer is not from now')
  const isOver = exp !== undefined && (!isTime(exp) || exp <= now)
  const isEarly = nbf !== undefined && (!isTime(nbf) || nbf > now + MAX_AGE)
  if (isOver || isEarly) throw new AnswerError('the answer is not valid now')
}
