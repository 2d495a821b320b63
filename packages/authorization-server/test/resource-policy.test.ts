/** Several resources in one request, as one policy. */
import t from 'tap'
import { createCatalogue } from '../src/catalogue.ts'

const A = 'https://a.example/mcp'
const B = 'https://b.example/mcp'
const C = 'https://c.example/mcp'
const catalogue = createCatalogue({
  [A]: { name: 'A', scopes: { read: 'Read A', admin: { description: 'Rule A', implies: ['read'], required: true } } },
  [B]: { name: 'B', scopes: { read: 'Read B', admin: 'Rule B' } },
  [C]: { name: 'C', scopes: { read: 'Read C', admin: { description: 'Rule C', implies: ['read'] } } }
})

t.test('RFC 8707 2: what one resource lets a scope imply opens nothing at another that does not', async t => {
  t.strictSame(catalogue.resolveAll([A, B]).hierarchy, { read: [], admin: [] })
  t.strictSame(catalogue.resolveAll([B, A]).hierarchy, { read: [], admin: [] })
  t.strictSame(catalogue.resolveAll([A, C]).hierarchy, { read: [], admin: ['read'] })
})

t.test('RFC 8707 2: a resource that is named twice counts once', async t => {
  t.equal(catalogue.resolveAll([A, A]), catalogue.resolve(A))
  t.strictSame(
    catalogue.resolveAll([B, A, B]).resources.map(({ resource }) => resource),
    [B, A]
  )
})

t.test('RFC 8707 2: a scope that one of the resources requires is required of all', async t => {
  for (const both of [
    [A, B],
    [B, A]
  ]) {
    const { scopes } = catalogue.resolveAll(both)
    t.match(scopes.get('admin'), { required: true, description: /Rule A/ })
    t.match(scopes.get('read'), { required: false })
  }
})
