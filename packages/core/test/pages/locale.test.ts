import t from 'tap'
import { catalogueFaults, createLanguages, createLocale, type Messages, plainText } from '../../src/pages/index.ts'

const en = {
  asks: '{client} wants to use {place}',
  days: { one: 'one day at most', other: '{count} days at most' },
  allow: 'Allow'
} as const satisfies Messages
const english = createLocale<typeof en>('en', en)

t.test('a value stays apart from the words around it', async t => {
  const sentence = english.say('asks', { client: [{ value: '{place}' }], place: [{ value: 'Notes' }] })
  t.strictSame(sentence, [{ value: '{place}' }, ' wants to use ', { value: 'Notes' }])
  t.equal(plainText(sentence), '\u2068{place}\u2069 wants to use \u2068Notes\u2069')
  t.strictSame(english.list(['a', 'b, c']), [{ value: 'a' }, ' and ', { value: 'b, c' }])
  t.strictSame(english.enumerate(['a', 'b']), [{ value: 'a' }, ', ', { value: 'b' }])
})

t.test('numbers choose the form of their language, and are written as there', async t => {
  const days = (count: number): string => plainText(english.say('days', { count }))
  t.equal(days(1), 'one day at most')
  t.equal(days(1234), '1,234 days at most')
  const polish = createLocale<typeof en>('pl', { ...en, days: { few: '{count} dni (few)', other: '{count} dni' } })
  t.equal(plainText(polish.say('days', { count: 3 })), '3 dni (few)')
  t.equal(plainText(polish.say('days', { count: 5 })), '5 dni', 'a missing form falls back to other')
})

t.test('times are told in the language', async t => {
  const german = createLocale<typeof en>('de', en)
  const [now, day] = [1_795_000_000, 86_400]
  t.equal(english.day(now), 'Nov 18, 2026')
  t.equal(german.day(now), '18.11.2026')
  t.equal(english.ago(now - 60, now), 'today')
  t.equal(english.ago(now + 60, now), 'today', 'a clock that is a little ahead')
  t.equal(german.ago(now - 3 * day, now), 'vor 3 Tagen')
  t.equal(english.ago(now - 61 * day, now), '2 months ago')
  t.equal(english.ago(now - 800 * day, now), '2 years ago')
})

t.test('what is not translated is said in the next best language, and is told', async t => {
  const languages = createLanguages(en, {
    catalogues: { de: { asks: '{client} möchte {place} nutzen', days: 'höchstens {count} Tage', allow: 'Zulassen' } },
    changes: { 'de-AT': { allow: 'Erlauben' }, nl: { allow: 'Toestaan' }, en: { allow: 'Yes' } }
  })
  const word = (tag: string): string => languages.choose({ uiLocales: [tag] }).word('allow')
  t.strictSame(['de', 'de-CH', 'de-AT', 'nl', 'en', 'xx'].map(word), [
    'Zulassen',
    'Zulassen',
    'Erlauben',
    'Toestaan',
    'Yes',
    'Yes'
  ])
  const dutch = languages.choose({ acceptLanguage: 'nl' })
  t.equal(dutch.lang, 'nl')
  t.equal(plainText(dutch.say('days', { count: 1 })), 'one day at most')
  t.strictSame([...languages.missing], [['nl', ['asks', 'days']]])
  t.equal(languages.available[0], 'en')
})

t.test('the faults of a catalogue are found', async t => {
  t.strictSame(catalogueFaults(en, en, 'en'), { missing: [], unknown: [], placeholders: [], forms: [] })
  const wrong = { asks: '{client} möchte {platz}', days: { other: '{count}' }, alow: 'x' }
  t.strictSame(catalogueFaults(en, wrong, 'ar'), {
    missing: ['allow'],
    unknown: ['alow'],
    placeholders: ['asks'],
    forms: ['days.one', 'days.two', 'days.few', 'days.many']
  })
})
