import fc from 'fast-check'
import t from 'tap'
import {
  ConfigurationError,
  isOAuthError,
  isUnavailableError,
  OAUTH_ERRORS,
  OAuthError,
  type OAuthErrorCode,
  UnavailableError
} from '../src/errors.ts'
import { FetchFailedError, FetchRefusedError, isFetchRefusedError } from '../src/fetch-errors.ts'

t.test('RFC 6749 5.2: the body and the status of every code', async t => {
  for (const [code, { status }] of Object.entries(OAUTH_ERRORS)) {
    const error = new OAuthError(code as OAuthErrorCode, 'why')
    t.strictSame(JSON.parse(JSON.stringify(error)), { error: code, error_description: 'why' })
    t.equal(error.statusCode, status)
  }
})

t.test('RFC 6749 5.2: a description carries only the characters that are allowed', async t => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text =>
      /^[\x20-\x21\x23-\x5B\x5D-\x7E]*$/.test(new OAuthError('invalid_request', text).description)
    )
  )
  t.equal(new OAuthError('invalid_request', 'say "hi"\\\r\n').description, "say 'hi'???")
})

t.test('OAuthError: reason and cause stay off the wire', async t => {
  const error = new OAuthError('invalid_token', 'why', {
    reason: 'secret_reason',
    cause: new Error('secret'),
    retryAfter: 3
  })
  t.notMatch(JSON.stringify(error), /secret/)
  t.match(error, { reason: 'secret_reason', retryAfter: 3, cause: { message: 'secret' } })
  t.equal(new OAuthError('invalid_token', 'why').reason, 'invalid_token')
  t.equal(new OAuthError('temporarily_unavailable', 'slow down', { status: 429 }).statusCode, 429)
})

t.test('errors are told apart by what they say, not by their class', async t => {
  // As from a second copy of the package in the same process.
  const foreign = Object.assign(new Error('x'), { name: 'OAuthError', error: 'invalid_grant' })
  t.ok(isOAuthError(foreign))
  t.ok(isUnavailableError(Object.assign(new Error('x'), { code: 'FST_OAUTH_UNAVAILABLE' })))
  for (const other of [
    null,
    undefined,
    'OAuthError',
    {},
    new Error('x'),
    new ConfigurationError('FST_OAUTH_OPTION', 'x')
  ]) {
    t.notOk(isOAuthError(other))
    t.notOk(isUnavailableError(other))
    t.notOk(isFetchRefusedError(other))
  }
})

t.test('a fetch that fails is an outage, a fetch that is refused is not', async t => {
  t.ok(isUnavailableError(new FetchFailedError('network', 'x')))
  t.notOk(isUnavailableError(new FetchRefusedError('address', 'x')))
  t.ok(isFetchRefusedError(new FetchRefusedError('address', 'x')))
  t.match(new UnavailableError('x', { retryAfter: 9 }), { statusCode: 503, retryAfter: 9 })
})

t.test('a verdict about a token has no stack trace, and every other error still has one', t => {
  const { stackTraceLimit } = Error
  const framesOf = (error: Error): number => error.stack?.split('\n    at ').length ?? 0
  t.equal(framesOf(new OAuthError('invalid_token', 'why')), 1)
  t.equal(Error.stackTraceLimit, stackTraceLimit)
  t.ok(framesOf(new OAuthError('invalid_request', 'why')) > 1)
  t.ok(framesOf(new Error('why')) > 1)
  t.end()
})
