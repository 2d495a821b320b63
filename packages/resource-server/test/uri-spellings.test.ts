import { posix } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { resolvedSegments, uriSpellings } from '../src/uri-spellings.ts'
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

t.test('RFC 3986 6.2.2.1: scheme and host have no case, in a rule and in a URI, whatever the scheme', async t => {
  const spellings = [
    'notes://private/x',
    'notes://PRIVATE/x',
    'NOTES://private/x',
    'Notes://%50rivate/x',
    'notes://Private?q'
  ]
  for (const rule of ['notes://private*', 'notes://Private*', 'NOTES://PRIVATE*', 'Notes*']) {
    const { call, calls } = await createCaller(t, { operations: { [`resources/read:${rule}`]: ['admin'] } })
    for (const uri of spellings)
      t.equal((await call([], request('resources/read', { uri }))).statusCode, 403, `${rule}: ${uri}`)
    t.equal(calls(), 0)
    t.equal((await call([], request('resources/read', { uri: 'other://private/x' }))).statusCode, 200)
  }
  const { call } = await createCaller(t, { operations: { 'resources/read:notes://host/Private*': ['admin'] } })
  const read = async (uri: string) => (await call([], request('resources/read', { uri }))).statusCode
  t.equal(await read('notes://HOST/Private'), 403)
  t.equal(await read('notes://host/private'), 200, 'paths have a case')
  t.equal(await read('urn:x://HOST/Private'), 200)
})

t.test('RFC 3986 5.2.4: nobody climbs out of a host, as a server might that reads it as a folder', async t => {
  const climbs = [
    'notes://public/../private/x',
    'notes://public/%2e%2e/private/x',
    'notes://a/b/../../private/x',
    'notes://../private/x',
    'notes://public\\..\\private/x'
  ]
  const { call, calls } = await createCaller(t, { operations: { 'resources/read:notes://private/*': ['admin'] } })
  for (const uri of climbs) t.equal((await call([], request('resources/read', { uri }))).statusCode, 403, uri)
  t.equal(calls(), 0)
  t.equal((await call([], request('resources/read', { uri: 'notes://public/../x' }))).statusCode, 200)
  for (const uri of ['notes://', 'notes:', 'a'])
    t.equal((await call([], request('resources/read', { uri }))).statusCode, 200, uri)
})

t.test('RS-1: what strangers may read is in the case that the rule has', async t => {
  for (const [rule, good, others] of [
    ['notes://public/*', 'notes://public/a', ['notes://PUBLIC/a', 'NOTES://public/a']],
    ['notes://Public/*', 'notes://Public/a', ['notes://public/a', 'notes://PUBLIC/a', 'notes://Public/../private']]
  ] as const) {
    const { call, calls } = await createCaller(t, { anonymous: [`resources/read:${rule}`] })
    for (const uri of others) t.equal((await call(null, request('resources/read', { uri }))).statusCode, 401, uri)
    t.equal(calls(), 0)
    t.equal((await call(null, request('resources/read', { uri: good }))).statusCode, 200, good)
  }
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

t.test('a path is resolved in one pass: dots in front of it cost no more than the rest', async t => {
  // With `posix.normalize` this takes minutes.
  for (const climb of ['../', './', '//', 'a/../', '../a/'])
    t.ok(resolvedSegments(climb.repeat(1_000_000)).length <= 1, climb)
})

t.test('nothing is read twice: a URI that has one spelling is parsed once, however long it is', async t => {
  for (const path of ['a'.repeat(8000), 'a/'.repeat(4000)]) {
    const parsed = t.capture(URL, 'parse', URL.parse)
    uriSpellings(`notes://${path}`)
    t.equal(parsed().length, 1)
    parsed.restore()
  }
})

t.test('fast-check: a path of files is resolved as a file system does', async t => {
  const path = fc.array(fc.constantFrom('..', '.', '', 'a', 'b'), { maxLength: 8 }).map(segments => segments.join('/'))
  fc.assert(
    fc.property(path, text => {
      const normal = posix.normalize(text).replace(/^(?:\.\.\/)+/, '')
      return ['.', './', '..'].includes(normal) || uriSpellings(`notes://${text}`).has(`notes://${normal}`)
    })
  )
  t.pass()
})
