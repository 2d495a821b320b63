import fc from 'fast-check'
import t from 'tap'
import { chooseLanguage, directionOf, inLanguage, readAcceptLanguage } from '../../src/pages/index.ts'

const ours = ['en', 'de', 'pt-PT', 'zh-Hans', 'ar']

t.test('RFC 4647 3.4: the first wanted language that there is, without its region where it has to be', async t => {
  const chosen = (...uiLocales: string[]): string | null => chooseLanguage(ours, { uiLocales })
  t.equal(chosen('de-AT'), 'de')
  t.equal(chosen('DE-at-1996'), 'de')
  t.equal(chosen('pt-BR'), 'pt-PT', 'another region of the same language')
  t.equal(chosen('zh-CN'), 'zh-Hans')
  t.equal(chosen('zh'), 'zh-Hans')
  t.equal(chosen('zh-Hans-SG'), 'zh-Hans')
  t.equal(chosen('zh-TW'), null, 'but not another script')
  t.equal(chosen('fr', 'ja', 'ar-EG', 'de'), 'ar')
  t.equal(chosen('fr'), null)
})

t.test('OpenID Connect Core 3.1.2.1: ui_locales counts before Accept-Language', async t => {
  t.equal(chooseLanguage(ours, { uiLocales: ['ar'], acceptLanguage: 'de' }), 'ar')
  t.equal(chooseLanguage(ours, { uiLocales: ['fr'], acceptLanguage: 'de' }), 'de')
  t.equal(chooseLanguage(ours, { acceptLanguage: 'fr, de;q=0.3, en;q=0.7' }), 'en')
  t.equal(chooseLanguage(ours, {}), null)
})

t.test('RFC 9110 12.5.4: Accept-Language is read by its weights', async t => {
  t.strictSame(readAcceptLanguage('da, en-gb;q=0.8, en;q=0.7'), ['da', 'en-gb', 'en'])
  t.strictSame(readAcceptLanguage('en;q=0.1,de'), ['de', 'en'])
  t.strictSame(readAcceptLanguage('en;q=0, *;q=0.5, de ; q=1.000'), ['de'], 'zero is no, a star says nothing')
  t.strictSame(readAcceptLanguage('<b>,;q=,en;q=2,de;q=0.5555,fr;x=1'), [])
  t.strictSame(readAcceptLanguage(undefined), [])
  t.equal(readAcceptLanguage('en,'.repeat(10_000)).length, 20)
})

t.test('whatever a stranger sends, a language is chosen or none', async t => {
  fc.assert(
    fc.property(fc.string(), fc.array(fc.string()), (acceptLanguage, uiLocales) => {
      const chosen = chooseLanguage(ours, { acceptLanguage, uiLocales })
      return chosen === null || ours.includes(chosen)
    })
  )
  t.pass()
})

t.test('text in several languages is said in the nearest', async t => {
  t.equal(inLanguage('Read', 'de'), 'Read')
  t.equal(inLanguage({ en: 'Read', de: 'Lesen' }, 'de-CH'), 'Lesen')
  t.equal(inLanguage({ de: 'Lesen', 'en-GB': 'Read' }, 'fr'), 'Read', 'English for those who have no other')
  t.equal(inLanguage({ de: 'Lesen' }, 'fr'), 'Lesen')
})

t.test('scripts say the reading direction', async t => {
  t.strictSame(['ar', 'he', 'fa', 'ur-PK', 'az-Arab', 'dv'].map(directionOf), Array(6).fill('rtl'))
  t.strictSame(['en', 'ja', 'az', 'zh-Hans', 'nonsense tag'].map(directionOf), Array(5).fill('ltr'))
})
