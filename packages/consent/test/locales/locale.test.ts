import t from 'tap'
import { en } from '../../src/locales/en.ts'
import { createLocale, english, plainText } from '../../src/locales/locale.ts'

t.test('a page never speaks the language of the protocol', async t => {
  const words = Object.values(en).flatMap(message => (typeof message === 'string' ? message : Object.values(message)))
  t.ok(words.length > 50)
  const placeholder = /\{\w+\}/g
  for (const text of words)
    t.notMatch(
      text.replace(placeholder, ''),
      /\b(oauth|scopes?|tokens?|grants?|resources?|clients?|redirects?|uri)\b/i,
      text
    )
})

t.test('a value stays apart from the words around it', async t => {
  const sentence = english.say('consent.heading', { client: [{ value: '{resource}' }], resource: [{ value: 'Notes' }] })
  t.strictSame(sentence, [{ value: '{resource}' }, ' wants to use ', { value: 'Notes' }, ' for you'])
  t.equal(plainText(sentence), '\u2068{resource}\u2069 wants to use \u2068Notes\u2069 for you')
})

t.test('numbers choose the form of their language', async t => {
  const days = (count: number): string => plainText(english.say('consent.until.days', { count }))
  t.equal(days(1), 'Access lasts one day at most.')
  t.equal(days(30), 'Access lasts 30 days at most.')
  const polish = createLocale('pl', { ...en, 'consent.until.days': { few: '{count} dni (few)', other: '{count} dni' } })
  t.equal(plainText(polish.say('consent.until.days', { count: 3 })), '3 dni (few)')
  t.equal(plainText(polish.say('consent.until.days', { count: 5 })), '5 dni', 'a missing form falls back to other')
})
