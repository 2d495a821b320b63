/** A contender has to do its job before anybody measures how fast it is. */
import { Connection } from '../connection.ts'
import type { Issuer } from './issuer.ts'
import { PATH } from './protection.ts'

/** A whole request, ready to be written. */
export function requestWith(token: string | null): string {
  const authorization = token === null ? '' : `authorization: Bearer ${token}\r\n`
  return `GET ${PATH} HTTP/1.1\r\nhost: 127.0.0.1\r\n${authorization}\r\n`
}

/** @returns what it does wrong; nothing when it lets the right ones in and nobody else */
export async function disprove(port: number, issuer: Issuer): Promise<string[]> {
  const good = issuer.mint()
  const trials: [what: string, token: string | null, status: number][] = [
    ['no token', null, 401],
    ['a token with another signature', withSignatureOf(good, issuer.mint()), 401],
    ['an expired token', issuer.mint({ exp: 1_000_000_000 }), 401],
    ['a token for another audience', issuer.mint({ aud: 'http://127.0.0.1/other' }), 401],
    ['a token of another issuer', issuer.mint({ iss: 'http://127.0.0.1/other' }), 401],
    ['a token without the scope', issuer.mint({ scope: 'mcp:tools notes:reader' }), 403],
    ['a good token', good, 200],
    ['the same token again', good, 200],
    ['the signature of the other token after the good one', withSignatureOf(good, issuer.mint()), 401]
  ]
  const connection = await Connection.open(port)
  const complaints: string[] = []
  for (const [what, token, expected] of trials) {
    const { status } = await connection.exchange(requestWith(token))
    if (status !== expected) complaints.push(`${what}: ${status} instead of ${expected}`)
  }
  connection.close()
  return complaints
}

function withSignatureOf(token: string, other: string): string {
  return token.slice(0, token.lastIndexOf('.')) + other.slice(other.lastIndexOf('.'))
}
