/** The few pages of the product itself. Those of connections come with the plugin. */
import type { ConnectionSummary } from '@fastify-mcp-auth/connections'
import type { FastifyReply } from 'fastify'
import type { Part } from './briefing.ts'

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

export const escapeText = (text: string): string => text.replace(/[&<>"']/g, character => ENTITIES[character] ?? '')

/** Sets the headers of a page and gives its beginning, for one that is sent bit by bit. */
export function pageStart(reply: FastifyReply, title: string): string {
  reply
    .headers({
      'content-security-policy':
        "default-src 'none'; script-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff'
    })
    .type('text/html; charset=utf-8')
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeText(title)} · Acme Desk</title></head>
<body><main>
<h1>${escapeText(title)}</h1>
`
}

export const pageEnd = `<p><a href="/">Back</a></p>
</main></body>
</html>
`

function page(reply: FastifyReply, title: string, body: string): FastifyReply {
  return reply.send(`${pageStart(reply, title)}${body}
</main></body>
</html>
`)
}

export function signInPage(reply: FastifyReply, people: readonly string[], returnTo: string): FastifyReply {
  const buttons = people.map(name => `<button name="user" value="${escapeText(name)}">${escapeText(name)}</button>`)
  return page(
    reply,
    'Who are you?',
    `<form method="post" action="/sign-in"><input type="hidden" name="returnTo" value="${escapeText(returnTo)}">${buttons.join(' ')}</form>`
  )
}

/** What the product can do, and what it needs for that. */
const FEATURES = [
  { name: 'My briefing', path: '/briefing', needs: 'notes' },
  { name: 'Weather on the way', path: '/tour', needs: 'weather' }
] as const

interface HomeData {
  readonly user: string
  readonly catalog: readonly ConnectionSummary[]
  connectUrl(server: string, returnTo: string): string
}

/** Offers what works now, and says of the rest what it takes. The routes themselves check again: a page is no guard. */
export function homePage(reply: FastifyReply, { user, catalog, connectUrl }: HomeData): FastifyReply {
  const features = FEATURES.map(({ name, path, needs }) => {
    const connection = catalog.find(({ server }) => server === needs)
    if (!connection) return ''
    const { status, serverName } = connection
    const works = status === 'active' || status === 'expiring' || status === 'refreshing' || status === 'degraded'
    const offer = works
      ? `<a href="${path}">${name}</a>`
      : `${name}: <a href="${escapeText(connectUrl(needs, path))}">connect ${escapeText(serverName)} for it</a>`
    return `<li>${offer}</li>`
  })
  const isNew = catalog.every(({ status }) => status === 'not_connected')
  return page(
    reply,
    `Hello ${user}`,
    `${isNew ? '<p><a href="/welcome">Set everything up</a></p>\n' : ''}<ul>${features.join('')}</ul>
<p><a href="/connections">Connections</a> · <a href="/connections/admin">Administration</a></p>
<form method="post" action="/sign-out"><button>Sign out</button></form>`
  )
}

/** The script is a convenience: without it a link leads to a page that grows while it is read. */
export function tourPage(reply: FastifyReply): FastifyReply {
  return page(
    reply,
    'Weather on the way',
    `<ol aria-live="polite"></ol>
<script src="/tour.js"></script>
<noscript><p><a href="/tour/plain">Show it</a></p></noscript>
<p><a href="/">Back</a></p>`
  )
}

interface WelcomeData {
  readonly name: string
  readonly done: number
  readonly all: number
  readonly connectUrl: string
  readonly skipUrl: string
}

export function welcomePage(reply: FastifyReply, data: WelcomeData): FastifyReply {
  const { name, done, all, connectUrl, skipUrl } = data
  return page(
    reply,
    `Connect ${name}`,
    `<p>${done} of ${all} connected. Each of them can wait.</p>
<p><a href="${escapeText(connectUrl)}">Connect ${escapeText(name)}</a> · <a href="${escapeText(skipUrl)}">Not now</a></p>`
  )
}

function backTo(path: string, actionUrl: string): string {
  const url = new URL(actionUrl)
  url.searchParams.set('returnTo', path)
  return url.href
}

export function briefingPage(reply: FastifyReply, parts: readonly Part[]): FastifyReply {
  const items = parts.map(({ server, text, actionUrl }) => {
    const mend =
      actionUrl === null ? 'not available' : `<a href="${escapeText(backTo('/briefing', actionUrl))}">connect</a>`
    return `<dt>${escapeText(server)}</dt><dd>${text === null ? mend : escapeText(text)}</dd>`
  })
  return page(reply, 'Your briefing', `<dl>${items.join('')}</dl><p><a href="/">Back</a></p>`)
}
