import { catalogueFaults } from '@fastify-mcp-auth/core/pages'
import t from 'tap'
import { en } from '../../src/locales/en.ts'
import { CATALOGUES, pageLanguages } from '../../src/locales/languages.ts'

t.test('every language says everything, with the placeholders and plural forms that it needs', async t => {
  t.strictSame(Object.keys(CATALOGUES), ['de', 'fr', 'es', 'ja', 'ar', 'zh-Hans'])
  for (const [lang, catalogue] of Object.entries(CATALOGUES))
    t.strictSame(catalogueFaults(en, catalogue, lang), { missing: [], unknown: [], placeholders: [], forms: [] }, lang)
  t.equal(pageLanguages().missing.size, 0)
})

t.test('a key that a team left out is said in English, and known', async t => {
  const languages = pageLanguages({ pt: { 'index.heading': 'Ligações' } })
  const locale = languages.choose({ acceptLanguage: 'pt-PT' })
  t.equal(locale.word('index.heading'), 'Ligações')
  t.equal(locale.word('index.details'), en['index.details'])
  t.ok(languages.missing.get('pt')?.includes('index.details'))
})

t.test('pages for people name nothing of the protocol', async t => {
  for (const [key, message] of Object.entries(en)) {
    if (/^(?:admin|form|doctor)\./.test(key)) continue
    t.notMatch(JSON.stringify(message), /oauth|\bscope|\btoken|\bgrant\b|\bresource\b/i, key)
  }
})
