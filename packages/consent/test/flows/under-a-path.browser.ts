/**
 * An app that a proxy shows under a path which it takes off: the browser asks for `https://notes.example/app/oauth/...`, the app hears
 * `/oauth/...`. The options name what the browser sees, and `rewriteUrl` of Fastify gives the path back to the routes of the plugins.
 */
import { request as forward } from 'node:http'
import { createOAuthClient } from '@fastify-mcp-auth/testing'
import type { Page } from 'playwright-core'
import t from 'tap'
import { launchBrowser } from '../../../../.ci/browser.ts'
import { type AcmeNotes, createAcmeNotes } from './acme-notes.ts'
import { listenForAnswers, listenWithTls, SITE } from './clients.ts'
import { arrival } from './visit.ts'

const ORIGIN = 'https://notes.example'
const PATH = '/app'

const callbacks = await listenForAnswers(t)
let upstream = 0
/** What the app was asked for, as it heard it. */
const heard: string[] = []
const proxy = await listenWithTls(t, (incoming, outgoing) => {
  const { url = '/', method, headers } = incoming
  const isWellKnown = url.startsWith('/.well-known/')
  if (!isWellKnown && !url.startsWith(`${PATH}/`)) {
    outgoing.writeHead(404).end('the proxy has nothing here')
    return
  }
  const path = isWellKnown ? url : url.slice(PATH.length)
  heard.push(path)
  const options = {
    host: '127.0.0.1',
    port: upstream,
    path,
    method,
    headers: { ...headers, 'x-forwarded-proto': 'https' }
  }
  incoming.pipe(
    forward(options, answer => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
  )
})
const [rules = ''] = callbacks.browserFlags
const browser = await launchBrowser([`${rules}, MAP notes.example:443 127.0.0.1:${proxy}`])
t.teardown(() => browser.close())

async function openApp(): Promise<AcmeNotes> {
  const clients = [{ client_id: 'assistant', client_name: 'Assistant', redirect_uris: [SITE] }]
  const ours = /^\/(oauth|connected-apps|signed-out)(?![\w-])/
  const acme = await createAcmeNotes(
    t,
    {
      path: PATH,
      options: { clients, prefix: `${PATH}/oauth` },
      consent: {
        connectedApps: `${PATH}/connected-apps`,
        signedOut: `${PATH}/signed-out`,
        brand: { name: 'Acme Notes', logoUrl: `${PATH}/logo.svg`, links: [{ text: 'Help', url: `${PATH}/help` }] }
      },
      fastify: { trustProxy: true, rewriteUrl: ({ url = '/' }) => (ours.test(url) ? `${PATH}${url}` : url) },
      after: app => {
        app.get('/logo.svg', async (_request, reply) =>
          reply.type('image/svg+xml').send('<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"/>')
        )
      }
    },
    `${ORIGIN}${PATH}`
  )
  await acme.app.listen({ host: '127.0.0.1', port: 0 })
  const address = acme.app.server.address()
  upstream = typeof address === 'object' ? (address?.port ?? 0) : 0
  return acme
}

async function isStyled(page: Page): Promise<boolean> {
  await page.waitForLoadState()
  return page.evaluate("getComputedStyle(document.querySelector('.mcp-auth .card')).borderRadius === '14px'")
}

const { server, resource, app } = await openApp()

for (const javaScriptEnabled of [true, false])
  t.test(
    `behind a proxy that takes off a path every link, form, cookie and file is right, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`,
    async t => {
      heard.length = 0
      const context = await browser.newContext({ ignoreHTTPSErrors: true, javaScriptEnabled })
      t.teardown(() => context.close())
      const page = await context.newPage()
      const failed: string[] = []
      const hosts = new Set<string>()
      page.on('response', answer => {
        const { pathname, hostname } = new URL(answer.url())
        hosts.add(hostname)
        if (answer.status() >= 400) failed.push(`${answer.status()} ${pathname}`)
      })
      // What is missing is heard of above; a browser also looks for an icon where no app is.
      page.on('console', message => {
        if (message.type() === 'error' && !message.text().startsWith('Failed to load')) failed.push(message.text())
      })
      const client = createOAuthClient({
        resource,
        issuer: `${ORIGIN}${PATH}`,
        clientId: 'assistant',
        redirectUri: SITE,
        app
      })
      const { url, codeVerifier } = await client.start({ scope: 'mcp:tools notes:read' })
      t.equal(new URL(url).pathname, '/app/oauth/authorize', 'as the metadata say')
      await page.goto(url)
      t.equal(new URL(page.url()).pathname, '/app/login')
      await page.getByLabel('Name').fill('bob')
      await page.getByRole('button', { name: 'Sign in' }).click()
      t.match(new URL(page.url()).pathname, /^\/app\/oauth\/interaction\/[\w-]{43}$/)
      t.ok(await isStyled(page), 'the style sheet is there')
      t.equal(await page.evaluate("document.querySelector('.logo').naturalWidth"), 40, 'and the logo')
      const cookies = (await context.cookies()).filter(({ name }) => name !== 'session')
      t.ok(cookies.length > 0)
      for (const { name, path, secure, domain } of cookies)
        t.match({ name, path, secure, domain }, { name: /^__Host-/, path: '/', secure: true, domain: 'notes.example' })

      await page.getByRole('link', { name: /not you/ }).click()
      t.equal(new URL(page.url()).pathname, '/app/login')
      await page.getByLabel('Name').fill('alice')
      await page.getByRole('button', { name: 'Sign in' }).click()
      t.match(await page.locator('.facts').textContent(), /alice@acme/)
      t.equal(await page.getByRole('link', { name: 'Help' }).getAttribute('href'), '/app/help')
      const asked = page.url()
      const arrived = arrival(page, SITE)
      await page.getByRole('button', { name: 'Allow', exact: true }).click()
      const answer = await arrived
      t.equal(answer.get('iss'), `${ORIGIN}${PATH}`)
      t.equal((await client.redeem({ code: answer.get('code'), codeVerifier, redirectUri: SITE })).statusCode, 200)

      await page.goto(asked)
      t.match(await page.locator('h1').textContent(), /already answered/)
      t.ok(await isStyled(page), 'error pages have it, too')
      t.match(failed.pop(), /^409 /)

      await page.goto(`${ORIGIN}${PATH}/connected-apps`)
      t.ok(await isStyled(page))
      await page.getByRole('button', { name: 'Disconnect Assistant' }).click()
      await page.getByRole('status').waitFor()
      t.match(page.url(), `${ORIGIN}${PATH}/connected-apps?done=one`)
      t.strictSame((await server.grants.list('sub-alice')).grants, [])

      await page.goto(`${ORIGIN}${PATH}/logout`)
      await page.goto(`${ORIGIN}${PATH}/signed-out`)
      await page.getByRole('link', { name: 'Manage connected apps' }).click()
      t.equal(new URL(page.url()).pathname, '/app/login', 'nobody is signed in any more')
      await page.getByLabel('Name').fill('alice')
      await page.getByRole('button', { name: 'Sign in' }).click()
      t.equal(page.url(), `${ORIGIN}${PATH}/connected-apps`)

      t.strictSame(failed, [], 'nothing was missing, and no policy blocked anything')
      t.strictSame([...hosts].toSorted(), ['client.example', 'notes.example'])
      t.ok(
        heard.some(path => path.startsWith('/oauth/interaction/')),
        'the app heard nothing of the path'
      )
      t.notOk(heard.some(path => path.startsWith(PATH)))
    }
  )
