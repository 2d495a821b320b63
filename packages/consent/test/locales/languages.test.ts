import { catalogueFaults, type Messages, type PartialTranslation, plainText } from '@fastify-mcp-auth/core/pages'
import t from 'tap'
import { en } from '../../src/locales/en.ts'
import { CATALOGUES, pageLanguages } from '../../src/locales/languages.ts'
import { buildApp, fakeServer } from '../fake-server.ts'

t.test('a page never speaks the language of the protocol', async t => {
  const words = [en, ...Object.values(CATALOGUES)]
    .flatMap(catalogue => Object.values(catalogue))
    .flatMap((message): string[] => (typeof message === 'string' ? [message] : Object.values(message)))
  t.ok(words.length > 50)
  const placeholder = /\{\w+\}/g
  for (const text of words)
    t.notMatch(
      text.replace(placeholder, ''),
      /\b(oauth|scopes?|tokens?|grants?|resources?|clients?|redirects?|uri)\b/i,
      text
    )
})

for (const [lang, catalogue] of Object.entries(CATALOGUES))
  t.test(`every language says everything, with the same values and all plural forms: ${lang}`, async t => {
    const faults = catalogueFaults(en, catalogue as PartialTranslation<Messages>, lang)
    t.strictSame(faults, { missing: [], unknown: [], placeholders: [], forms: [] })
    t.equal(pageLanguages().choose({ uiLocales: [lang] }).lang, lang)
  })

t.test('the same in the words of each language', async t => {
  const heading = (lang: string): string =>
    plainText(
      pageLanguages()
        .choose({ acceptLanguage: lang })
        .say('consent.heading', { client: [{ value: 'Claude' }], resource: [{ value: 'Notes' }] })
    ).replace(/[\u2068\u2069]/g, '')
  t.equal(heading('de-AT'), 'Claude möchte Notes für Sie nutzen')
  t.equal(heading('fr-CA, en;q=0.5'), 'Claude souhaite utiliser Notes pour vous')
  t.equal(heading('es-419'), 'Claude quiere usar Notes por ti')
  t.equal(heading('ja'), 'Claude があなたの代わりに Notes を使おうとしています')
  t.equal(heading('ar-EG'), 'يريد Claude استخدام Notes نيابةً عنك')
  t.equal(heading('zh-CN'), 'Claude 想代您使用 Notes')
  t.equal(heading('xx, zh-TW'), 'Claude wants to use Notes for you')
})

t.test('OpenID Connect Core 3.1.2.1: ui_locales of the client count before what the browser says', async t => {
  const fake = fakeServer()
  const app = await buildApp({ fake })
  const open = async (acceptLanguage: string) =>
    (await app.inject({ url: '/oauth/interaction/handle-1', headers: { 'accept-language': acceptLanguage } })).body
  t.match(await open('de'), '<html lang="de" dir="ltr"')
  t.match(await open('ar'), '<html lang="ar" dir="rtl"')
  if ('uiLocales' in fake.details) fake.details = { ...fake.details, uiLocales: ['ja', 'fr'] }
  t.match(await open('de'), '<html lang="ja"')
  fake.details = new Error('down')
  const failed = await app.inject('/oauth/interaction/handle-1?ui_locales=es%20de')
  t.match(failed.body, '<html lang="es"')
  t.match(failed.body, 'Algo ha fallado aquí')
  await app.close()
})

t.test('a team may say it differently, or in a language of its own; what is missing is told at boot', async t => {
  const lines: string[] = []
  const app = await buildApp({
    options: {
      locales: { de: { 'consent.allow': 'Ja, gern' }, nl: { 'consent.allow': 'Toestaan' } }
    },
    fastify: { logger: { level: 'warn', stream: { write: (line: string) => lines.push(line) } } }
  })
  const open = async (acceptLanguage: string) =>
    (await app.inject({ url: '/oauth/interaction/handle-1', headers: { 'accept-language': acceptLanguage } })).body
  t.match(await open('de'), />Ja, gern<[\s\S]*/)
  t.match(await open('de'), 'möchte')
  const dutch = await open('nl')
  t.match(dutch, '<html lang="nl"')
  t.match(dutch, 'wants to use')
  t.match(dutch, '>Toestaan<')
  const [warning] = lines.map(line => JSON.parse(line))
  t.equal(warning.language, 'nl')
  t.ok(warning.keys.includes('consent.deny'))
  await app.close()
})
