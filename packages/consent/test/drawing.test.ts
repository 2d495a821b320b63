import t from 'tap'
import { missingFacts } from '../src/index.ts'
import { buildApp, consentRequest, fakeServer, openPage } from './fake-server.ts'

const PAGE = '/oauth/interaction/handle-1'

t.test('layout: the page sits in the frame of the app, and only inside of it', async t => {
  const { html, headers } = await openPage({
    options: {
      layout: ({ head, body, model }, reply) => {
        reply.header('x-frame', 'app')
        return `<html lang="${model.lang}"><head>${head}<link rel="stylesheet" href="/app.css"></head><body><nav>App</nav>${body}</body></html>`
      },
      sameOrigin: ['images', 'fonts']
    }
  })
  t.match(html, '<nav>App</nav><div class="mcp-auth" lang="en" dir="ltr"><div class="card">')
  t.match(html, /<head><meta charset="utf-8">.*<title>.*<link rel="stylesheet" href="\/oauth\/interaction\/assets\//)
  t.equal(html.match(/<html/g)?.length, 1)
  t.notMatch(html, 'brand-name', 'the app shows its own name')
  t.equal(headers['x-frame'], 'app')
  t.match(headers['content-security-policy'], "img-src 'self'; font-src 'self'; frame-ancestors 'none'")
})

t.test('render: a function draws the pages that it wants to, and may change their headers', async t => {
  const fake = fakeServer()
  const app = await buildApp({
    fake,
    options: {
      render: (model, reply) => {
        if (model.page !== 'consent') return undefined
        reply.header('content-security-policy', "default-src 'none'; style-src 'self' 'nonce-1'")
        const scopes = model.scopes.map(line => `${line.description}<input name="scope" value="${line.scope}">`)
        return `<p>${model.client.name} ${model.client.verifiedHost} ${model.answersTo.host} ${model.account.displayName}</p>
          <form method="post" action="${model.decisionUrl}"><input name="account" value="${model.account.proof}">${scopes.join('')} ${model.words.irreversible}
          <button name="decision" value="allow"></button><button name="decision" value="deny"></button></form>`
      }
    }
  })
  t.teardown(() => app.close())
  const page = await app.inject(PAGE)
  t.match(page.body, '<p>Claude claude.ai claude.ai alice@example.com</p>')
  t.equal(page.headers['content-security-policy'], "default-src 'none'; style-src 'self' 'nonce-1'")
  t.equal(page.headers['x-frame-options'], 'DENY')
  fake.details = new Error('down')
  t.match((await app.inject(PAGE)).body, 'Something went wrong here', 'ours, where it said nothing')
})

t.test('render: a page that keeps something from people is not shown; ours is, and the log says why', async t => {
  const lines: string[] = []
  const { html } = await openPage({
    fake: fakeServer(consentRequest()),
    options: { render: model => (model.page === 'consent' ? `<p>${model.client.name}</p>` : undefined) },
    fastify: { logger: { level: 'error', stream: { write: (line: string) => lines.push(line) } } }
  })
  t.match(html, 'wants to use')
  t.match(JSON.parse(lines[0] ?? '{}').faults, [/where the answer goes|who vouches/])
})

t.test('missingFacts tells what any document keeps from people', async t => {
  let seen: string[] = []
  await openPage({
    options: {
      render: model => {
        if (model.page === 'consent') seen = missingFacts('<p>nothing</p>', model)
        return undefined
      }
    }
  })
  t.ok(seen.length >= 7)
  t.match(seen.join(), /who asks.*where the answer goes.*what is asked.*posts to decisionUrl/)
})
