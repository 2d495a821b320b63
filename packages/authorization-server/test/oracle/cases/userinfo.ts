/** What the userinfo endpoint makes of a token. */
import { type FormRequest, formOf, post, type Side, tokens } from '../side.ts'
import type { OracleCase } from './case.ts'

function ask(
  name: string,
  request: (token: string) => FormRequest,
  { scope = 'openid', which = 'access_token' as 'access_token' | 'refresh_token' } = {}
): OracleCase {
  return {
    name: `userinfo: ${name}`,
    run: async (side: Side) => post(side, 'userinfo', {}, request((await tokens(side, 'public', { scope }))[which]))
  }
}

const header = (token: string): { authorization: string } => ({ authorization: `Bearer ${token}` })

export const USERINFO_CASES: readonly OracleCase[] = [
  ask('no token', () => ({ method: 'GET' })),
  ask('token invented', () => ({ method: 'GET', headers: header('invented') })),
  ask('token in the query', token => ({ method: 'GET', query: `?access_token=${token}` })),
  ask('token in header and body', token => ({ headers: header(token), body: formOf({ access_token: token }) })),
  ask('token of another scheme', token => ({ method: 'GET', headers: { authorization: `Basic ${token}` } })),
  ask('without openid', token => ({ method: 'GET', headers: header(token) }), { scope: 'notes:read' }),
  ask('refresh token', token => ({ method: 'GET', headers: header(token) }), { which: 'refresh_token' }),
  ask('by PUT', token => ({ method: 'PUT', headers: header(token) }))
]
