/** Values that engines like to change: they come back as they went in, or are refused with nothing stored. */
import assert from 'node:assert/strict'
import type { StorageDriver } from '@fastify-mcp-auth/core'
import { sample, samples, type Test, unique } from './driver-under-test.ts'

const LONG = 'k'.repeat(255)

/** Each must be kept. Put after a unique prefix and before nothing, so that spaces at the end stay at the end. */
const TEXTS: Record<string, string> = {
  'single and double quotes': `'"\`'' OR 1=1; --`,
  backslashes: "\\' \\\\ \\0 \\",
  'LIKE wildcards': '100%_[a-z]*?',
  'braces and colons': '{owner}:a:b{}',
  'line breaks and tabs': '\r\n\t',
  'emoji and other planes': '👩‍👩‍👧 𝒳',
  'combining marks, composed': 'é'.normalize('NFC'),
  'combining marks, decomposed': 'é'.normalize('NFD'),
  'right to left': 'שלום \u202e',
  'a JSON text': '{"a":null}',
  'the word null': 'null',
  'digits that look like a number': '007.0',
  'an exponent': '1e3',
  'a name of every object': '__proto__',
  'another name of every object': 'constructor',
  '255 characters more': LONG,
  '700 characters more': 'x'.repeat(700)
}

/** Each may be refused, but never kept as something else. */
const REFUSABLE: Record<string, string> = {
  'a NUL character': 'a\0b',
  'half a surrogate pair': 'a\ud800b',
  '5,000 characters': 'y'.repeat(5000)
}

/** Different keys that some collation would call the same. */
const LOOKALIKES = [
  'a',
  'A',
  'a ',
  ' a',
  'á',
  'a\u0301',
  'á'.normalize('NFC'),
  'ss',
  'ß',
  'ﬁ',
  'fi',
  'İ',
  'i',
  'ı',
  '١',
  '1'
]

export async function testValues(test: Test, driver: StorageDriver): Promise<void> {
  for (const [name, text] of Object.entries(TEXTS))
    await test(`keys, indexes, guards and texts keep ${name}`, () => keepsText(driver, text))

  for (const [name, text] of Object.entries(REFUSABLE))
    await test(`${name} in a key or text is kept or refused, never changed`, () => keepsOrRefuses(driver, text))

  // UTF-8 has no halves: who encodes one writes this character in its place.
  await test('half a surrogate pair in what is looked for is not the character U+FFFD', async () => {
    const name = unique()
    const [kept, asked] = [`${name}\ufffd`, `${name}\ud800`]
    const record = sample({ owner: kept, note: kept, expiresAt: 1 })
    await driver.insert(samples, kept, record)
    assert.equal(await driver.get(samples, asked), null)
    assert.equal(await driver.update(samples, asked, {}, { count: 1 }), false)
    assert.equal(await driver.update(samples, kept, { note: asked }, { count: 1 }), false)
    assert.equal(await driver.update(samples, kept, { owner: asked }, { count: 1 }), false)
    assert.equal(await driver.remove(samples, asked), false)
    assert.deepEqual((await driver.list(samples, 'owner', asked)).records, [])
    assert.equal(await driver.removeWhere(samples, 'owner', asked), 0)
    const condition = { expiresBefore: 2, guard: {} }
    assert.deepEqual((await driver.take?.(samples, [asked], condition)) ?? [], [])
    assert.deepEqual((await driver.take?.(samples, [kept], { ...condition, guard: { note: asked } })) ?? [], [])
    assert.deepEqual(await driver.get(samples, kept), record)
  })

  await test('keys that look alike are different keys', async () => {
    const prefix = unique()
    const keys = [...new Set(LOOKALIKES)].map(text => `${prefix}${text}`)
    for (const [count, key] of keys.entries())
      assert.equal(await driver.insert(samples, key, sample({ count })), true, key)
    for (const [count, key] of keys.entries()) assert.equal((await driver.get(samples, key))?.count, count, key)
  })

  await test('index values that look alike are different values', async () => {
    const prefix = unique('owner')
    const owners = [...new Set(LOOKALIKES)].map(text => `${prefix}${text}`)
    for (const owner of owners) await driver.insert(samples, unique(), sample({ owner }))
    for (const owner of owners) assert.equal((await driver.list(samples, 'owner', owner)).records.length, 1, owner)
    for (const owner of owners) assert.equal(await driver.removeWhere(samples, 'owner', owner), 1, owner)
  })

  for (const integer of [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 31, -1, 0])
    await test(`the integer ${integer} is kept and guards exactly`, async () => {
      const key = unique()
      await driver.insert(samples, key, sample({ count: integer, usedAt: integer }))
      assert.deepEqual(await driver.get(samples, key), sample({ count: integer, usedAt: integer }))
      const near = integer > 0 ? integer - 1 : integer + 1
      assert.equal(await driver.update(samples, key, { usedAt: near }, { count: 1 }), false)
      assert.equal(await driver.update(samples, key, { usedAt: integer }, { usedAt: near }), true)
      assert.equal((await driver.get(samples, key))?.usedAt, near)
    })

  await test('JSON of any shape is kept, member for member', async () => {
    const strange = JSON.parse('{"__proto__":{"a":1},"constructor":1,"":0,"a.b":[[]]}')
    const shapes = [
      strange,
      [],
      {},
      '',
      'text',
      '"quoted"',
      0,
      -1.5,
      true,
      false,
      null,
      [null, { deep: [{ er: '\0\ud800' }] }]
    ]
    for (const details of shapes) {
      const key = unique()
      await driver.insert(samples, key, sample({ details }))
      assert.deepEqual((await driver.get(samples, key))?.details, details)
      await driver.update(samples, key, {}, { details: { was: details } })
      assert.deepEqual((await driver.get(samples, key))?.details, { was: details })
    }
  })

  await test('values of 100 kB are kept', async () => {
    const key = unique()
    const note = '0123456789äöü😀'.repeat(6500)
    const details = { list: Array.from({ length: 5000 }, (_, position) => `entry number ${position}`) }
    await driver.insert(samples, key, sample({ note, details }))
    assert.deepEqual(await driver.get(samples, key), sample({ note, details }))
    assert.equal(await driver.update(samples, key, { note }, { note: note.slice(1) }), true)
    assert.equal((await driver.get(samples, key))?.note, note.slice(1))
  })
}

async function keepsText(driver: StorageDriver, text: string): Promise<void> {
  const key = unique() + text
  const record = sample({ owner: key, note: text })
  assert.equal(await driver.insert(samples, key, record), true)
  assert.equal(await driver.insert(samples, key, record), false)
  assert.deepEqual(await driver.get(samples, key), record)
  assert.deepEqual((await driver.list(samples, 'owner', key)).records, [{ key, record }])
  assert.equal(await driver.update(samples, key, { note: `${text} ` }, { count: 1 }), false)
  assert.equal(await driver.update(samples, key, { note: text, owner: key }, { note: text + text }), true)
  assert.equal((await driver.get(samples, key))?.note, text + text)
  assert.equal(await driver.removeWhere(samples, 'owner', key), 1)
}

async function keepsOrRefuses(driver: StorageDriver, text: string): Promise<void> {
  const base = unique()
  const key = base + text
  // Asking for what cannot exist is not an error: a stranger chose the key.
  assert.equal(await driver.get(samples, key), null)
  assert.equal(await driver.update(samples, key, {}, { count: 1 }), false)
  assert.equal(await driver.remove(samples, key), false)
  assert.deepEqual((await driver.list(samples, 'owner', key)).records, [])
  const keptKey = await driver.insert(samples, key, sample()).catch(() => false)
  assert.deepEqual(await driver.get(samples, key), keptKey ? sample() : null)
  const record = sample({ note: text, owner: key })
  const kept = await driver.insert(samples, base, record).catch(() => false)
  assert.deepEqual(await driver.get(samples, base), kept ? record : null)
  await driver.insert(samples, base, sample())
  const before = await driver.get(samples, base)
  const updated = await driver.update(samples, base, {}, { note: text }).catch(() => false)
  assert.deepEqual(await driver.get(samples, base), updated ? { ...before, note: text } : before)
  // What some encoding would turn it into is a different key.
  for (const other of [
    base + text.slice(0, 1),
    base + text.replace(/\p{Surrogate}/gu, '\ufffd'),
    base + text.slice(0, 768)
  ])
    if (other !== key) assert.equal(await driver.get(samples, other), null)
}
