import { readFileSync } from 'node:fs'
import Handlebars from 'handlebars'
import nunjucks from 'nunjucks'
import t from 'tap'
import { checkTemplates } from '../src/index.ts'
import { buildApp, openPage } from './fake-server.ts'

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8')
const OURS = read('../src/templates/consent.eta')
const SCOPE = read('../src/templates/scope.eta')
const DEVICE = read('../src/templates/device.eta')
const SIGN_OUT = read('../src/templates/sign-out.eta')
const HEADING = "<%~ include('./sentence', { parts: it.heading }) %>"
const LEAD = "<%~ include('./sentence', { parts: warning.lead }) %>"
const TEXT = "<%~ include('./sentence', { parts: warning.text }) %>"

t.test('our own templates keep nothing from people', async t => {
  t.strictSame(await checkTemplates({}), [])
})

t.test('PX-3: a template that drops what people must know is found, and the boot stops', async t => {
  const cuts: [file: string, text: string, from: string, fault: RegExp][] = [
    ['consent.eta', OURS, '<bdi><%= it.client.shortName %></bdi>', /who asks/],
    ['consent.eta', OURS, '<%= it.words.notVerified %>', /who vouches/],
    ['consent.eta', OURS, '<bdi><%= it.client.verifiedHost %></bdi>', /who vouches/],
    ['consent.eta', OURS, "<%~ include('./sentence', { parts: it.answersTo.words }) %>", /where the answer goes/],
    ['consent.eta', OURS, '<%= it.account.displayName %>', /who is signed in/],
    ['consent.eta', OURS, TEXT, /a warning/],
    ['consent.eta', OURS, 'name="organization"', /pick an organization/],
    ['consent.eta', OURS, 'name="account"', /"account"/],
    ['consent.eta', OURS, 'value="deny"', /"decision"/],
    ['consent.eta', OURS, 'action="<%= it.decisionUrl %>"', /posts to decisionUrl/],
    ['device.eta', DEVICE, "<%~ include('./sentence', { parts: it.caution }) %></p></div>", /device of one's own/],
    ['device.eta', DEVICE, "<%~ include('./sentence', { parts: it.caution }) %></p>\n<div", /device of one's own/],
    ['device.eta', DEVICE, '<bdi dir="ltr"><%= it.userCode %></bdi>', /to be compared/],
    ['device.eta', DEVICE, "<%~ include('./sentence', { parts: it.problem.words }) %>", /what was wrong/],
    ['device.eta', DEVICE, '<%= it.account.displayName %>', /who is signed in/],
    ['device.eta', DEVICE, 'action="<%= it.submitUrl %>"', /posts to submitUrl/],
    ['device.eta', DEVICE, 'id="user_code" name="user_code"', /"user_code"/],
    ['device.eta', DEVICE, 'name="user_code" value', /"user_code"/],
    ['device.eta', DEVICE, 'name="proof"', /"proof"/],
    ['sign-out.eta', SIGN_OUT, "<%~ include('./sentence', { parts: it.named }) %>", /who asks/],
    ['sign-out.eta', SIGN_OUT, '<%= it.account.displayName %>', /who is signed in/],
    ['sign-out.eta', SIGN_OUT, '<%= it.goesTo %>', /where the browser goes/],
    ['sign-out.eta', SIGN_OUT, 'action="<%= it.submitUrl %>"', /posts to submitUrl/],
    ['sign-out.eta', SIGN_OUT, 'name="request"', /"request" and "proof"/],
    ['sign-out.eta', SIGN_OUT, 'value="stay"', /"sign_out" and "stay"/],
    ['scope.eta', SCOPE, '<span><%= it.line.description %></span>', /what is asked/],
    ['scope.eta', SCOPE, 'value="<%= it.line.scope %>"', /no checkbox/],
    ['scope.eta', SCOPE, '<%= it.words.irreversible %>', /cannot be undone/]
  ]
  // Heading and warnings name the client too; what is looked for is whether anything does.
  const silent = { 'consent.eta': OURS.replace(HEADING, 'A question').replace(LEAD, '').replace(TEXT, '') }
  t.ok((await checkTemplates({ templates: t.testdir(silent) })).every(fault => /warning/.test(fault)))
  for (const [file, text, from, fault] of cuts) {
    t.ok(text.includes(from), `${from} is there`)
    const base = file === 'consent.eta' && /who asks/.test(fault.source) ? silent : {}
    const before = file in base ? silent['consent.eta'] : text
    const templates = t.testdir({ ...base, [file]: before.replaceAll(from, '') })
    const faults = await checkTemplates({ templates })
    t.ok(
      faults.some(found => fault.test(found)),
      `${fault} for ${from}: ${faults.join('; ')}`
    )
    await t.rejects(buildApp({ options: { templates } }), { code: 'FST_OAUTH_OPTION', message: /option "templates"/ })
  }
})

t.test('a template that prints values as markup is found, whatever the engine', async t => {
  const raw = OURS.replace('<%= it.account.displayName %>', '<%~ it.account.displayName %>')
  t.match((await checkTemplates({ templates: t.testdir({ 'consent.eta': raw }) })).join(), /without escaping/)
  const hbs = ENGINES.handlebars.template.replace('{{account.displayName}}', '{{{account.displayName}}}')
  const templates = t.testdir({ 'consent.hbs': hbs })
  t.match(
    (await checkTemplates({ templates, engine: { handlebars: Handlebars }, extension: 'hbs' })).join(),
    /without escaping/
  )
})

const ENGINES = {
  handlebars: {
    engine: { handlebars: Handlebars },
    extension: 'hbs',
    engineOptions: {},
    template: read('engines/consent.hbs')
  },
  nunjucks: {
    engine: { nunjucks },
    extension: 'njk',
    engineOptions: {},
    template: read('engines/consent.njk')
  }
}

for (const [name, { template, ...options }] of Object.entries(ENGINES))
  t.test(`any engine of @fastify/view draws the page: ${name}`, async t => {
    const templates = t.testdir({ [`consent.${options.extension}`]: template })
    t.strictSame(await checkTemplates({ templates, ...options }), [])
    const { html, statusCode } = await openPage({ options: { templates, ...options } })
    t.equal(statusCode, 200)
    t.match(html, `drawn by ${name}`)
    t.match(html, '<bdi>Claude</bdi> wants to use <bdi>Acme Notes</bdi> for you')
    t.match(html, 'name="scope" value="notes:read"')
  })
