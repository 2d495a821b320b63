import { isOAuthError } from '@fastify-mcp-auth/core'
import fc from 'fast-check'
import t from 'tap'
import { readForm, resourcesOf } from '../src/form-body.ts'

/** The error of a form, or what was read. */
function read(source: unknown): unknown {
  try {
    return { ...readForm(source) }
  } catch (error) {
    if (isOAuthError(error)) return error.error
    throw error
  }
}

t.test('RFC 6749 3.1: every parameter counts once, an empty one not at all', async t => {
  t.strictSame(read({ a: '1', b: '' }), { a: '1' })
  t.strictSame(read({ a: ['1', '2'] }), 'invalid_request')
  t.strictSame(read({ a: ['1', '1'] }), 'invalid_request')
  t.strictSame(read({ a: [] }), 'invalid_request')
  t.strictSame(read({ a: { b: '1' } }), 'invalid_request')
  t.strictSame(read({ a: 'x'.repeat(8193) }), 'invalid_request')
  t.strictSame(read({ a: 'x'.repeat(8192) }), { a: 'x'.repeat(8192) })
  for (const bad of ['a\0b', 'a\ud800b', '\udc00']) t.equal(read({ a: bad }), 'invalid_request')
  t.strictSame(read({ a: '\u{1f600}' }), { a: '\u{1f600}' })
  for (const nothing of [undefined, null, '', 'a=b', 7]) t.strictSame(read(nothing), {})
})

t.test('RFC 8707 2: resource may be repeated, within bounds', async t => {
  t.strictSame(read({ resource: ['https://a.example', 'https://a.example'] }), { resource: 'https://a.example' })
  t.strictSame(read({ resource: ['https://a.example', ''] }), { resource: 'https://a.example' })
  const two = read({ resource: ['https://a.example', 'https://b.example', 'https://a.example'] })
  t.strictSame(two, { resource: 'https://a.example https://b.example' })
  t.strictSame(resourcesOf((two as { resource: string }).resource), ['https://a.example', 'https://b.example'])
  t.strictSame(resourcesOf(undefined), [])
  const many = (count: number) => Array.from({ length: count }, (_, i) => `https://${i}.example`)
  t.strictSame(read({ resource: many(11) }), 'invalid_target')
  t.strictSame(read({ resource: many(10) }), { resource: many(10).join(' ') })
  for (const resource of ['https://a.example https://b.example', ['https://a.example b', 'https://a.example'], ' '])
    t.strictSame(read({ resource }), 'invalid_target', 'a space would make one of them two')
  t.strictSame(read({ resource: [{}, 'https://a.example'] }), 'invalid_request')
  t.strictSame(read({ resource: ['', ''] }), {})
})

t.test('A14: a description never quotes what it could not name safely', async t => {
  for (const name of ['"<script>', 'a'.repeat(100), 'naïve']) {
    const error = (() => {
      try {
        return readForm({ [name]: ['1', '2'] })
      } catch (caught) {
        return caught
      }
    })() as Error
    t.equal(error.message, 'invalid_request: a parameter must not be repeated')
  }
})

t.test('RFC 6749 3.2: for any source the form is flat, bounded, and inherits nothing', async t => {
  const value = fc.oneof(fc.string(), fc.array(fc.string()), fc.dictionary(fc.string(), fc.string()), fc.constant(null))
  const name = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'resource', 'scope', 'hasOwnProperty'))
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value)), entries => {
      let form: Record<string, unknown>
      try {
        form = readForm(Object.fromEntries(entries))
      } catch (error) {
        return isOAuthError(error)
      }
      return (
        Object.getPrototypeOf(form) === null &&
        Object.values(form).every(text => typeof text === 'string' && text !== '' && text.length <= 8192)
      )
    })
  )
  t.equal(({} as Record<string, unknown>)['polluted'], undefined)
})
