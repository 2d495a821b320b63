/**
 * Pairwise subjects: every client, or every site that clients come from, gets names of its own for the same people, so that nobody can put
 * together what two of them know.
 *
 * @see OpenID Connect Core section 8.1
 */
import { createHmac } from 'node:crypto'
import type { Client } from '../clients/client.ts'
import type { ServerContext } from '../context.ts'

/**
 * Clients of one https site share the names. One that has several sites, or runs on people's own computers, is a sector by itself:
 * a loopback address belongs to everybody.
 */
export function sectorOf({ clientId, redirectUris }: Pick<Client, 'clientId' | 'redirectUris'>): string {
  const hosts = new Set(redirectUris.map(uri => (uri.startsWith('https://') ? (URL.parse(uri)?.host ?? '') : '')))
  const [only = ''] = hosts
  return hosts.size === 1 && only !== '' ? only : clientId
}

/** @returns null when subjects are the same for everybody */
export function pairwiseSub(
  { options: { pairwiseSubjects } }: ServerContext,
  { sector, subject }: { sector: string; subject: string }
): string | null {
  if (!pairwiseSubjects) return null
  return createHmac('sha256', pairwiseSubjects.salt)
    .update(JSON.stringify([sector, subject]))
    .digest('base64url')
}
