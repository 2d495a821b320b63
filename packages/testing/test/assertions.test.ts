import t from 'tap'
import { type Asserter, matchesChallenge, matchesOAuthError } from '../src/index.ts'

/** Collects the messages of the assertions that failed. */
function recorder(): Asserter & { failed: string[] } {
  const failed: string[] = []
  return {
    failed,
    equal(found, wanted, message) {
      if (found !== wanted) failed.push(message)
    }
  }
}

const json = { 'content-type': 'application/json; charset=utf-8' }

t.test('RFC 6749 5.2: an error in the right shape passes, as a received and as a fetched response', async t => {
  const body = JSON.stringify({ error: 'invalid_client', error_description: 'unknown client' })
  const asserter = recorder()
  matchesOAuthError(asserter, { statusCode: 401, headers: json, body }, 'invalid_client')
  await matchesOAuthError(asserter, new Response(body, { status: 401, headers: json }), 'invalid_client')
  t.strictSame(asserter.failed, [])
})

t.test('RFC 6749 5.2: another status, type, code or description fails', async t => {
  const body = JSON.stringify({ error: 'invalid_grant', error_description: 'a "quoted" word' })
  const asserter = recorder()
  matchesOAuthError(asserter, { statusCode: 401, headers: { 'content-type': 'text/html' }, body }, 'invalid_request')
  t.equal(asserter.failed.length, 4)
  const other = recorder()
  matchesOAuthError(other, { statusCode: 400, headers: json, body: 'not JSON' }, 'invalid_grant')
  t.strictSame(other.failed, ['invalid_grant: error'])
})

t.test('a status can be asked for, also where the code has another one', async t => {
  const body = JSON.stringify({ error: 'temporarily_unavailable' })
  const asserter = recorder()
  matchesOAuthError(asserter, { statusCode: 429, headers: json, body }, 'temporarily_unavailable', 429)
  t.strictSame(asserter.failed, [])
})

t.test('RFC 6750 3: challenge parameters are compared, null means absent, the rest is not looked at', async t => {
  const header = 'Bearer error="invalid_token", scope="a b", resource_metadata="https://api.example/x"'
  const response = { statusCode: 401, headers: { 'www-authenticate': ['DPoP algs="ES256"', header] }, body: '' }
  const asserter = recorder()
  matchesChallenge(asserter, response, { scheme: 'bearer', error: 'invalid_token', scope: 'a b' })
  matchesChallenge(asserter, response, { scheme: 'bearer', error: 'invalid_token', realm: undefined })
  matchesChallenge(asserter, new Response(null, { headers: { 'www-authenticate': header } }), { scheme: 'Bearer' })
  t.strictSame(asserter.failed, [])
  matchesChallenge(asserter, response, { scheme: 'Bearer', error: null, scope: 'a', resource_metadata: null })
  t.equal(asserter.failed.length, 3)
})

t.test('takes the test object of tap as it is', async t => {
  const body = JSON.stringify({ error: 'invalid_grant' })
  matchesOAuthError(t, { statusCode: 400, headers: json, body }, 'invalid_grant')
})

t.test('RFC 6750 3: a response without the challenge fails', async t => {
  const asserter = recorder()
  matchesChallenge(asserter, { statusCode: 401, headers: {}, body: '' }, { scheme: 'Bearer', error: null })
  t.strictSame(asserter.failed, ['one Bearer challenge'])
})
