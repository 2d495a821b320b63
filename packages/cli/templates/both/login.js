// A sign-in for development: people are whoever they say they are. Replace it by your own login; what the rest of the app needs of it
// is who is signed in.
import { randomBytes } from 'node:crypto'
import formbody from '@fastify/formbody'
import { isHttpLoopback } from '@fastify-mcp-auth/core'
import { publicUrl } from './settings.js'

if (!isHttpLoopback(publicUrl))
  throw new Error('login.js lets everybody in: replace it before PUBLIC_URL is a public one')

/**
 * Session id -> who it is, and since when. Gone when the process ends.
 *
 * @type {Map<string, { name: string, authTime: number }>}
 */
const sessions = new Map()

/** @param {import('fastify').FastifyInstance} app */
export async function login(app) {
  await app.register(formbody)
  app.get('/login', async (request, reply) => {
    const { returnTo = '' } = /** @type {Record<string, unknown>} */ (request.query)
    return reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', "default-src 'none'; form-action 'self'; frame-ancestors 'none'")
      .send(`<!doctype html><title>Sign in</title>
<form method="post" action="/login">
<input type="hidden" name="returnTo" value="${escaped(String(returnTo))}">
<label>Your name <input name="username" autocomplete="username" maxlength="64" required></label>
<button>Sign in</button>
</form>`)
  })
  app.post('/login', async (request, reply) => {
    // A page of somebody else must not sign people in.
    if (request.headers.origin !== publicUrl) return reply.code(403).send('This form is not ours.')
    const { username = '', returnTo = '' } = /** @type {Record<string, unknown>} */ (request.body ?? {})
    const name = String(username).trim().toLowerCase().slice(0, 64)
    if (name === '') return reply.code(400).send('Who are you?')
    const id = randomBytes(32).toString('base64url')
    sessions.set(id, { name, authTime: Math.floor(Date.now() / 1000) })
    return reply.header('set-cookie', `session=${id}; Path=/; HttpOnly; SameSite=Lax`).redirect(ownUrl(returnTo), 303)
  })
}

/**
 * Who is signed in, and since when (epoch seconds); null for nobody.
 *
 * @param {import('fastify').FastifyRequest} request
 */
export function signedIn(request) {
  const id = /(?:^|;\s*)session=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1]
  return sessions.get(id ?? '') ?? null
}

/** @param {{ returnTo: string }} context */
export const loginUrl = ({ returnTo }) => `/login?${new URLSearchParams({ returnTo })}`

/**
 * A URL of this app, whatever is asked for.
 *
 * @param {unknown} returnTo
 */
function ownUrl(returnTo) {
  const url = URL.parse(String(returnTo), publicUrl)
  return url?.origin === new URL(publicUrl).origin ? url.href : publicUrl
}

/** @param {string} text */
function escaped(text) {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}
