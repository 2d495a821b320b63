import fc from 'fast-check'
import t from 'tap'
import { isOAuthError } from '../src/errors.ts'
import { containsScopes, expandScopes, formatScope, intersectScopes, isScopeToken, parseScope } from '../src/scope.ts'

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
  t.ok(containsScopes(['admin'], ['read'], rules))
  t.notOk(containsScopes(['read'], ['write'], { write: ['read'] }), 'implication has one direction')
  t.notOk(containsScopes(['rea'], ['read']), 'a prefix is another scope')
  t.notOk(containsScopes(['Read'], ['read']), 'scopes are case-sensitive')
  t.ok(containsScopes([], []))
})

t.test('scope hierarchy: names of Object.prototype imply nothing', async t => {
  for (const scope of ['constructor', '__proto__', 'toString', 'hasOwnProperty'])
    t.strictSame([...expandScopes([scope], {})], [scope])
})

t.test('scope hierarchy: expansion is a closure, and intersection stays within it', async t => {
  fc.assert(
    fc.property(fc.array(token, { maxLength: 5 }), fc.array(token, { maxLength: 5 }), hierarchy, (a, b, rules) => {
      const once = expandScopes(a, rules)
      const twice = expandScopes(once, rules)
      const shared = intersectScopes(b, a, rules)
      return (
        a.every(scope => once.has(scope)) &&
        once.size === twice.size &&
        shared.every(scope => once.has(scope) && b.includes(scope)) &&
        containsScopes(a, shared, rules) &&
        containsScopes(a, b, rules) === (shared.length === new Set(b).size)
      )
    })
  )
  t.pass('held')
})
