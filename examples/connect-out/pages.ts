/** The few pages of the product itself. Those of connections come with the plugin. */
import type { ConnectionSummary } from '@fastify-mcp-auth/connections'
import type { FastifyReply } from 'fastify'
import type { Part } from './briefing.ts'

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

const escapeText = (text: string): string => text.replace(/[&<>"']/g, character => ENTITIES[character] ?? '')

function page(reply: FastifyReply, title: string, body: string): FastifyReply {
  return reply
    .headers({
      'content-security-policy': "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff'
    })
    .type('text/html; charset=utf-8')
    .send(`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeText(title)} · Acme Desk</title></head>
<body><main>
<h1>${escapeText(title)}</h1>
${body}
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

export function homePage(
  reply: FastifyReply,
  { user, catalog }: { user: string; catalog: readonly ConnectionSummary[] }
): FastifyReply {
  const rows = catalog.map(
    ({ serverName, status }) => `<li>${escapeText(serverName)}: <strong>${escapeText(status)}</strong></li>`
  )
  return page(
    reply,
    `Hello ${user}`,
    `<ul>${rows.join('')}</ul>
<p><a href="/connections">Connections</a> · <a href="/briefing">My briefing</a> · <a href="/connections/admin">Administration</a></p>
<form method="post" action="/sign-out"><button>Sign out</button></form>`
  )
}

export function briefingPage(reply: FastifyReply, parts: readonly Part[]): FastifyReply {
  const items = parts.map(({ server, text, actionUrl }) => {
    const mend =
      actionUrl === null ? 'not available' : `<a href="${escapeText(actionUrl)}?returnTo=/briefing">connect</a>`
    return `<dt>${escapeText(server)}</dt><dd>${text === null ? mend : escapeText(text)}</dd>`
  })
  return page(reply, 'Your briefing', `<dl>${items.join('')}</dl><p><a href="/">Back</a></p>`)
}
