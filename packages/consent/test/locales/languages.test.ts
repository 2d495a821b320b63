import t from 'tap'
import { en } from '../../src/locales/en.ts'

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
