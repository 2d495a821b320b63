/** What the example promises, without a browser: two people, one agent, three servers, and a job in another process. */
import { createConnections } from '@fastify-mcp-auth/connections'
import { createBrowser, fetchTransport, type Page, visitAuthorization } from '@fastify-mcp-auth/testing'
import t from 'tap'
import { briefing } from '../briefing.ts'
import { connectionsOptions } from '../connections-options.ts'
import { KEYS } from '../keyed-servers.ts'
import { listenDesk } from './running-desk.ts'

t.test('Alice connects three servers; the job uses hers, and Bob has nothing of it but what is shared', async t => {
  const { origin, settings } = await listenDesk(t)
  const browser = createBrowser(fetchTransport())
  const formTo = (page: Page, path: string) =>
    page.forms.find(({ action }) => new URL(action, origin).pathname === path)

  let page = await browser.open(`${origin}/briefing`)
  page = await browser.submit(page, { fields: {}, button: { name: 'user', value: 'alice' } })
  page = await browser.open(`${origin}/briefing`)
  t.match(page.body, 'Connect <bdi>Acme Notes', 'the feature leads to what it needs')
  page = await browser.submit(page)
  t.ok(page.leavesTo, 'over to the authorization server')
  const answer = await visitAuthorization(browser, page.leavesTo ?? '', {
    username: 'alice',
    password: 'wonderland',
    decision: 'allow'
  })
  page = await browser.open(answer.leavesTo ?? '')
  t.equal(new URL(page.url ?? origin).pathname, '/briefing')
  t.match(page.body, /notes.*weather.*connect/s)

  for (const [server, secret] of [
    ['weather', KEYS.weatherOfAlice],
    ['search', KEYS.search]
  ] as const) {
    page = await browser.open(`${origin}/connections/connect/${server}`)
    const form = formTo(page, `/connections/credentials/${server}`)
    t.ok(form)
    page = await browser.submit(page, { ...(form && { form }), fields: { secret } })
  }

  const connections = await createConnections(connectionsOptions(settings))
  t.teardown(() => connections.close())
  const ofAlice = await briefing(connections, 'alice')
  t.match(
    ofAlice.map(({ text }) => text),
    [String, 'Sunny in Oxford, Alice.', 'Nothing about tea for the office.']
  )
  const ofBob = await briefing(connections, 'bob')
  t.match(ofBob, [
    { server: 'notes', text: null, actionUrl: `${origin}/connections/connect/notes` },
    { server: 'weather', text: null, actionUrl: `${origin}/connections/connect/weather?agent=briefing` },
    { server: 'search', text: 'Nothing about tea for the office.' }
  ])
})
