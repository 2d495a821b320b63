import fc from 'fast-check'
import t from 'tap'
import { uriSpellings } from '../src/uri-spellings.ts'
import { createCaller, request } from './operation-fixture.ts'

const DISGUISES = [
  'file:///etc/passwd',
  'file:///%65tc/passwd',
  'file:///%2565tc/passwd',
  'file:///%65tc/passwd?%',
  'file:///%65tc/passwd#%',
  'file:///%65tc/passwd?%ff',
  'file:///%65tc/%zz',
  'file:////etc/passwd',
  'file:///tmp/../etc/passwd',
  'file:///tmp/%2e%2e/etc/passwd',
  'file:///\\etc/passwd',
  'FILE:///etc/passwd'
]

t.test('RS-4: a rule about a URI holds for every way to write it', async t => {
  const { call, calls } = await createCaller(t, { operations: { 'resources/read:file:///etc/*': ['admin'] } })
  for (const uri of DISGUISES) t.equal((await call([], request('resources/read', { uri }))).statusCode, 403, uri)
  t.equal(calls(), 0)
  t.equal((await call([], request('resources/read', { uri: 'file:///home/a' }))).statusCode, 200)
})

t.test('RS-1: what strangers may read is read in the narrowest way', async t => {
  const { call, calls } = await createCaller(t, { anonymous: ['resources/read:file:///public/*'] })
  const ask = async (uri: string): Promise<number> => (await call(null, request('resources/read', { uri }))).statusCode
  t.equal(await ask('file:///public/a'), 200)
  const before = calls()
  for (const climb of ['..', '%2e%2e', '%252e%252e', '.%2e'])
    t.equal(await ask(`file:///public/${climb}/private/a`), 401, climb)
  t.equal(calls(), before)
})

t.test('a URI that is too long is refused, not half read', async t => {
  const { call, calls } = await createCaller(t, { operations: { 'resources/read:file:///etc/*': ['admin'] } })
  t.equal((await call(['admin'], request('resources/read', { uri: `file:///${'a'.repeat(9000)}` }))).statusCode, 400)
  t.equal(calls(), 0)
})

t.test('uriSpellings: never throws below its bound, and always has the URI itself', async t => {
  fc.assert(fc.property(fc.string({ maxLength: 200 }), uri => uriSpellings(uri).has(uri)))
  t.pass()
})
