/** A connection in one line: what it is, how it is, and the one thing to do about it. */
import { cleanName } from '@fastify-mcp-auth/core/pages'
import type { ConnectionStatus, ConnectionSummary } from '../types.ts'
import { connectPathTo, pathTo, type Surroundings } from './frame.ts'
import type { Action, ConnectionCard, Tone } from './model.ts'

const TONES: { readonly [status in ConnectionStatus]: Tone } = {
  not_connected: 'off',
  pending: 'off',
  disabled: 'off',
  active: 'good',
  refreshing: 'good',
  expiring: 'attention',
  degraded: 'attention',
  needs_scope: 'attention',
  needs_reauth: 'attention',
  rejected: 'fault',
  blocked: 'fault'
}

const REASONS = [
  'expired_no_refresh',
  'client_replaced',
  'issuer_changed',
  'server_changed',
  'resource_rejects',
  'lost_rotation',
  'key_unavailable'
] as const

export function describeCard(surroundings: Surroundings, connection: ConnectionSummary): ConnectionCard {
  const { locale } = surroundings
  const { id, server, status, account } = connection
  const name = cleanName(connection.serverName)
  return {
    id,
    server,
    name,
    account: account === 'default' ? null : locale.say('index.account', { account: [{ value: cleanName(account) }] }),
    isShared: connection.mode === 'shared',
    status,
    tone: TONES[status],
    badge: locale.word(`status.${status}`),
    why: whyOf(surroundings, connection, name),
    action: actionOf(surroundings, connection),
    detailUrl: id === null ? null : pathTo(surroundings, `/${id}`)
  }
}

function whyOf({ locale, frame }: Surroundings, connection: ConnectionSummary, name: string): ConnectionCard['why'] {
  const { status, reason, accessExpiresAt } = connection
  if (status === 'active' || status === 'refreshing' || status === 'not_connected') return null
  // Not every message uses all of them; those that do not, ignore them.
  const values = {
    server: [{ value: name }],
    brand: [{ value: frame.brand.name }],
    day: locale.day(accessExpiresAt ?? 0)
  }
  const known = REASONS.find(one => status === 'needs_reauth' && one === reason)
  return known ? locale.say(`why.needs_reauth.${known}`, values) : locale.say(`why.${status}`, values)
}

function actionOf(surroundings: Surroundings, connection: ConnectionSummary): Action | null {
  const { action, id, server, account, kind } = connection
  if (action === null) return null
  const text = surroundings.locale.word(`action.${action}`)
  const isOthers = connection.mode === 'shared' && action !== 'wait' && !surroundings.hasAdmins
  if (isOthers) return { text: surroundings.locale.word('action.contact_operator'), kind: 'text', url: '' }
  if (action === 'contact_operator') return { text, kind: 'text', url: '' }
  if (action === 'wait')
    return id === null
      ? { text: surroundings.locale.word('status.degraded'), kind: 'text', url: '' }
      : { text, kind: 'post', url: pathTo(surroundings, `/${id}/refresh`) }
  const url = connectPathTo(surroundings, server, account === 'default' ? {} : { account })
  // A key has to be typed somewhere; a sign-in can begin at once.
  const needsForm = action === 'replace_key' || (action === 'connect' && (kind === 'bearer' || kind === 'header'))
  return { text, kind: needsForm ? 'link' : 'post', url }
}
