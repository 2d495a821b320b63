import t from 'tap'
import { cleanName, imitates, initialOf, mixesScripts, shorten } from '../../src/pages/display-name.ts'

t.test('a name loses what is not meant to be seen', async t => {
  t.equal(cleanName('\u202Eedualc\u202C'), 'edualc', 'direction overrides')
  t.equal(cleanName('Cl\u200Bau\u00ADde\uFEFF'), 'Claude', 'characters without width')
  t.equal(cleanName('Claude\n\t\u0000 \u2028 Code\u3000'), 'Claude Code', 'controls and runs of spaces')
  t.equal(cleanName(`Z${'\u0301'.repeat(40)}`).length, 3, 'towers of accents')
  t.equal(cleanName('Claude\uD800'), 'Claude', 'half a character')
  t.equal(cleanName('\u2066\u200F\u202E \u2069'), '', 'nothing but marks')
})

t.test('an honest name stays as it is', async t => {
  for (const name of ['Claude', 'Müller & Söhne', 'メモ帳 AI', 'مساعد', '👩‍💻 Coder', 'می‌خواهم', 'Việt'])
    t.equal(cleanName(name), name)
})

t.test('shortening counts characters as a reader does', async t => {
  t.equal(shorten('Claude', 6), 'Claude')
  t.equal(shorten('Claude Code', 8), 'Claude…', 'no space before the ellipsis')
  t.equal(shorten('👩‍💻👩‍💻👩‍💻', 2), '👩‍💻…', 'never cuts an emoji in two')
  t.equal(initialOf('éclair'), 'É')
  t.equal(initialOf(''), '')
})

t.test('look-alike alphabets within one word are noticed', async t => {
  for (const name of ['Clаude', 'My Сlaude app', 'Αcme', 'раypal']) t.equal(mixesScripts(name), true, name)
  for (const name of ['Claude', 'Клод', 'Claude Клод', 'Claudeメモ', 'GPT 助手', 'Ελλάδα', 'C3PO'])
    t.equal(mixesScripts(name), false, name)
})

t.test('a name that borrows ours is noticed, however it is written', async t => {
  for (const name of [
    'Acme Notes',
    'ACME NOTES Support',
    'Аcme Nоtes',
    'Acme-N0tes',
    'Ácmé Notes',
    'Acrne Notes',
    'AcmeNotes'
  ])
    t.equal(imitates(name, 'Acme Notes'), true, name)
  for (const name of ['Claude', 'Acme', 'Notes', 'Acme Calendar']) t.equal(imitates(name, 'Acme Notes'), false, name)
  t.equal(imitates('anything', ''), false)
  t.equal(imitates('paint', 'ai'), false, 'a name of ours that is too short to mean anything')
})

t.test('a name of which nothing is to be seen is no name', async t => {
  for (const blank of ['\u200D', '\u2800\u2800', '\u200D \u2800', '\uFE0F'])
    t.equal(cleanName(blank), '', JSON.stringify(blank))
  t.equal(cleanName('\u{1F680}'), '\u{1F680}')
})
