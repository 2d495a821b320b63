import t from 'tap'
import { createBrowser, formWith, type HttpRequest, type HttpResponse, type Send } from '../src/index.ts'

const ORIGIN = 'https://app.example'

/** Answers by method and path, and remembers what was asked. */
function answers(table: Record<string, { status?: number; headers?: Record<string, string>; body?: string }>) {
  const asked: HttpRequest[] = []
  const send: Send = async request => {
    asked.push(request)
    const {
      status = 200,
      headers = {},
      body = ''
    } = table[`${request.method} ${new URL(request.url).pathname}`] ?? { status: 404 }
    const response: HttpResponse = { url: request.url, statusCode: status, headers, body, json: () => JSON.parse(body) }
    return response
  }
  return { browser: createBrowser(send), asked }
}

const html = { 'content-type': 'text/html' }

t.test('follows redirects within the origin, and shows the one that leaves it', async t => {
  const { browser, asked } = answers({
    'GET /a': { status: 302, headers: { location: '/b?x=1' } },
    'GET /b': { status: 303, headers: { location: 'https://client.example/cb?code=1' } }
  })
  const page = await browser.open(`${ORIGIN}/a`)
  t.equal(page.leavesTo, 'https://client.example/cb?code=1')
  t.equal(page.statusCode, 303)
  t.strictSame(
    asked.map(({ url }) => url),
    [`${ORIGIN}/a`, `${ORIGIN}/b?x=1`]
  )
})

t.test('another port, another scheme and a private-use scheme are other origins', async t => {
  for (const location of ['https://app.example:8443/cb', 'http://app.example/cb', 'cursor://cb']) {
    const { browser, asked } = answers({ 'GET /a': { status: 302, headers: { location } } })
    t.equal((await browser.open(`${ORIGIN}/a`)).leavesTo, location)
    t.equal(asked.length, 1)
  }
})

t.test('RFC 9110 15.4: a form becomes a GET after 303, and stays as it is after 307', async t => {
  const form = '<form method="post" action="/post"><input name="a" value="1"><button></button></form>'
  for (const [status, method, body] of [
    [303, 'GET', undefined],
    [307, 'POST', 'a=1']
  ] as const) {
    const { browser, asked } = answers({
      'GET /': { headers: html, body: form },
      'POST /post': { status, headers: { location: '/end' } }
    })
    await browser.submit(await browser.open(`${ORIGIN}/`))
    t.match(asked.at(-1), { method, url: `${ORIGIN}/end` })
    t.equal(asked.at(-1)?.body, body)
    t.equal(asked[1]?.headers?.['origin'], ORIGIN)
  }
})

t.test('a page that asks for no referrer hides its origin', async t => {
  const { browser, asked } = answers({
    'GET /': { headers: { ...html, 'referrer-policy': 'no-referrer' }, body: '<form method="post" action="/p"></form>' }
  })
  await browser.submit(await browser.open(`${ORIGIN}/`))
  t.equal(asked.at(-1)?.headers?.['origin'], 'null')
})

t.test('a form with GET puts its fields in the query', async t => {
  const { browser, asked } = answers({
    'GET /': { headers: html, body: '<form action="/s?old=1"><input name="q"></form>' }
  })
  await browser.submit(await browser.open(`${ORIGIN}/`), { fields: { q: 'a b' } })
  t.equal(asked.at(-1)?.url, `${ORIGIN}/s?q=a+b`)
})

t.test('gives up on a circle of redirects, and on a page without a form to choose', async t => {
  const { browser } = answers({ 'GET /a': { status: 302, headers: { location: '/a' } }, 'GET /': { headers: html } })
  await t.rejects(browser.open(`${ORIGIN}/a`), { message: /redirects/ })
  const page = await browser.open(`${ORIGIN}/`)
  t.equal(formWith(page, 'password'), undefined)
  t.throws(() => browser.submit(page), { message: /expected one form/ })
})
