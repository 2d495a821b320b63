import fc from 'fast-check'
import t from 'tap'
import { isOAuthError } from '../src/errors.ts'
import { expandScopes, formatScope, isScopeToken, parseScope } from '../src/scope.ts'

const token = fc.stringMatching(/^[\x21\x23-\x5B\x5D-\x7E]{1,12}$/)
const hierarchy = fc.dictionary(token, fc.array(token, { maxLength: 4 }), { maxKeys: 6 })

t.test('RFC 6749 3.3: keeps the order and drops duplicates', async t => {
  t.strictSame(parseScope('b a b'), ['b', 'a'])
  t.strictSame(parseScope(' a  b '), ['a', 'b'])
  t.strictSame(parseScope(''), [])
  t.strictSame(parseScope(undefined), [])
})

t.test('RFC 6749 3.3: refuses characters outside the grammar', async t => {
  for (const scope of ['a"b', 'a\\b', 'a\tb', 'a\nb', 'a\u00e9', 'a\u0000', 'a\u00a0b'])
    t.throws(() => parseScope(scope), { name: 'OAuthError', error: 'invalid_scope' }, JSON.stringify(scope))
})

t.test('scope: bounds on length and number', async t => {
  t.equal(parseScope('x'.repeat(4096)).length, 1)
  t.throws(() => parseScope('x'.repeat(4097)), { name: 'OAuthError', error: 'invalid_scope' })
  const words = (count: number): string => Array.from({ length: count }, (_, n) => `s${n}`).join(' ')
  t.equal(parseScope(words(100)).length, 100)
  t.throws(() => parseScope(words(101)), { name: 'OAuthError', error: 'invalid_scope' })
})

t.test('scope: what is formatted parses back to the same', async t => {
  fc.assert(
    fc.property(fc.uniqueArray(token, { maxLength: 20 }), scopes => {
      t.strictSame(parseScope(formatScope(scopes)), scopes)
    }),
    { numRuns: 50 }
  )
})

t.test('scope: any text gives valid tokens or invalid_scope, nothing else', async t => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), text => {
      try {
        return parseScope(text).every(isScopeToken)
      } catch (error) {
        return isOAuthError(error) && error.error === 'invalid_scope'
      }
    })
  )
  t.pass('held')
})

t.test('scope hierarchy: implied scopes count, transitively, and circles end', async t => {
  const rules = { admin: ['write'], write: ['read'], read: ['admin'] }
  t.strictSame([...expandScopes(['admin'], rules)], ['admin', 'write', 'read'])
  t.strictSame([...expandScopes(['read'], { write: ['read'] })], ['read'], 'implication has one direction')
  for (const near of ['rea', 'Read', 'reader'])
    t.strictSame([...expandScopes([near], { read: ['x'] })], [near], 'another scope, also by its case')
  t.strictSame([...expandScopes([])], [])
})

t.test('scope hierarchy: names of Object.prototype imply nothing', async t => {
  for (const scope of ['constructor', '__proto__', 'toString', 'hasOwnProperty'])
    t.strictSame([...expandScopes([scope], {})], [scope])
})

t.test('scope hierarchy: expansion is a closure', async t => {
  fc.assert(
    fc.property(fc.array(token, { maxLength: 5 }), hierarchy, (a, rules) => {
      const once = expandScopes(a, rules)
      const twice = expandScopes(once, rules)
      return a.every(scope => once.has(scope)) && once.size === twice.size
    })
  )
  t.pass('held')
})
