/** Pages of the app itself: HTML without scripts, in the look of the consent page. */
import { createHash } from 'node:crypto'
import type { FastifyReply } from 'fastify'

/** Markup that is safe to print. Only {@link html} makes it. */
export interface Html {
  readonly markup: string
}

type Printable = string | number | Html | readonly Html[]

/** Escapes every value that is not markup already. */
export function html(parts: TemplateStringsArray, ...values: Printable[]): Html {
  return { markup: String.raw({ raw: parts }, ...values.map(print)) }
}

function print(value: Printable): string {
  if (typeof value === 'string' || typeof value === 'number') return escapeText(String(value))
  return 'markup' in value ? value.markup : value.map(one => one.markup).join('')
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, character => ENTITIES[character] ?? '')
}

const STYLE = `
:root{color-scheme:light dark;--bg:#f5f7f9;--card:#fff;--ink:#15181e;--soft:#566070;--line:#d9dee5;--accent:#1f5eff;--accent-ink:#fff;--danger:#a61b1b}
@media(prefers-color-scheme:dark){:root{--bg:#101318;--card:#191d24;--ink:#eceff4;--soft:#a8b1bf;--line:#323946;--accent:#7ea2ff;--accent-ink:#0b1020;--danger:#ff9d9d}}
*{box-sizing:border-box}
body{margin:0;padding:24px 16px;background:var(--bg);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main,header{max-width:30rem;margin:0 auto}
header{display:flex;align-items:center;gap:12px;padding:8px 4px 12px;font-weight:600}
.mark{display:grid;place-items:center;width:32px;height:32px;border-radius:9px;background:var(--accent);color:var(--accent-ink)}
main{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:28px}
h1{font-size:1.375rem;line-height:1.3;margin:0 0 8px}
p{margin:0 0 16px;overflow-wrap:anywhere}
form+p{margin:24px 0 0}
label{display:block;font-weight:600;margin:16px 0 4px}
input{width:100%;min-height:44px;padding:8px 12px;font:inherit;color:inherit;background:transparent;border:1px solid var(--soft);border-radius:10px}
button{width:100%;min-height:44px;margin-top:20px;padding:8px 16px;font:inherit;font-weight:600;color:var(--accent-ink);background:var(--accent);border:1px solid var(--accent);border-radius:10px;cursor:pointer}
button.quiet{color:inherit;background:transparent;border-color:var(--line)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
a{color:var(--accent)}
code{font-size:.9375rem;overflow-wrap:anywhere}
ul{margin:0 0 16px;padding-left:20px}
.soft{color:var(--soft)}
.error{color:var(--danger);font-weight:600}
`

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'"
].join('; ')

/** Sends a whole page with the headers that keep it unframed, unscripted and out of caches. */
export function sendPage(reply: FastifyReply, page: { title: string; body: Html }): FastifyReply {
  const { markup } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${page.title} · Acme Notes</title>
<style>${{ markup: STYLE }}</style>
</head>
<body>
<header><span class="mark" aria-hidden="true">A</span>Acme Notes</header>
<main>
${page.body}
</main>
</body>
</html>
`
  return reply
    .headers({
      'content-security-policy': CONTENT_SECURITY_POLICY,
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      // Not no-referrer: with that, browsers hide from us that a form was ours.
      'referrer-policy': 'same-origin',
      'cache-control': 'no-store'
    })
    .type('text/html; charset=utf-8')
    .send(markup)
}
