/** Reference page of what the authorization server keeps: each collection, each field, as what, and for how long. */
import { readFileSync } from 'node:fs'
import { COLLECTIONS } from '../../packages/authorization-server/src/records.ts'

const SOURCE = 'packages/authorization-server/src/records.ts'

/** How long a record stays, by collection. `cleanup()` removes it after that. Held against the collections below. */
const LIFETIMES: Record<keyof typeof COLLECTIONS, string> = {
  clients:
    '`dynamicRegistration.unusedTtl` without a consent; `idleTtl` after the last grant can have ended; then its name for 180 days (one day if it was never used). Clients of the app: until they are removed',
  clientDocuments: '2 days after it was fetched, or as long as a grant of the client',
  clientAssertions: 'until the assertion has expired',
  initialAccessTokens: 'until it has expired',
  interactions: '`interactionTtl`',
  consents: '`grantTtl` after the last decision, or until its access is revoked',
  pushedRequests: '`pushedRequestTtl`',
  grants: '`codeTtl` until the code is redeemed, then `refreshTokenTtl` after the last use and `grantTtl` at most',
  signingKeys: '`keyRotationInterval`, and a day after its last signature'
}

/** @throws Error when a collection or its declaration is not written as this page reads it */
export function recordsPage(): string {
  const source = readFileSync(SOURCE, 'utf8')
  const sections = Object.entries(COLLECTIONS).map(([member, { name, fields, indexes }]) => {
    const { about, body } = declarationOf(source, member)
    const rows = fields.map(({ name: field }) => {
      const comment = commentOf(body, field)
      return `| \`${field}\` | ${keptAs(field, comment)} | ${comment} |`
    })
    return [
      `## ${name}`,
      `${about.replace(/ @see (.*)/, ' See $1.')} Kept: ${LIFETIMES[member as keyof typeof COLLECTIONS]}.${indexes.length > 0 ? ` Found by ${indexes.map(index => `\`${index}\``).join(', ')}.` : ''}`,
      ['| field | kept as | |', '| --- | --- | --- |', ...rows].join('\n')
    ].join('\n\n')
  })
  return `${[
    '# Records of @fastify-mcp-auth/authorization-server',
    'Printed from the declarations of the collections by `pnpm run docs`. Every key begins with a mark of the issuer. Times are epoch seconds. `digest`: SHA-256 of a random value, from which it cannot be found. `encrypted`: AES-256-GCM under `encryptionKeys` or under a token, as it says. No token, code, secret or cookie is kept as it is.',
    ...sections
  ].join('\n\n')}\n`
}

function declarationOf(source: string, member: string): { about: string; body: string } {
  const record = new RegExp(`readonly ${member}: Collection<(\\w+)>`).exec(source)?.[1]
  const found = new RegExp(
    `/\\*\\* ([^\\n]*?) \\*/\\nexport const ${record} = Type\\.Object\\(\\{([\\s\\S]*?)\\}\\)\\nexport type`
  ).exec(source)
  const short = new RegExp(`/\\*\\* ([^\\n]*?) \\*/\\nexport const ${record} = Type\\.Object\\(\\{(.*)\\}\\)\\n`).exec(
    source
  )
  const [, about, body] = found ?? short ?? []
  if (about === undefined || body === undefined)
    throw new Error(`records: ${member} is not written as this page reads it`)
  return { about, body }
}

function commentOf(body: string, field: string): string {
  return (new RegExp(`/\\*\\* ([^\\n]*?) \\*/\\n {2}${field}:`).exec(body)?.[1] ?? '')
    .replace(/ @see (.*)/, ' See $1.')
    .replaceAll('|', '\\|')
}

/** Fields that are lists of what is a digest or encrypted. */
const INSIDE: Record<string, string> = { secrets: 'digests', accessTokens: 'digests and encrypted' }

function keptAs(field: string, comment: string): string {
  if (INSIDE[field] !== undefined) return INSIDE[field]
  if (/digest$/i.test(field)) return 'digest'
  return /encrypted/i.test(comment) ? 'encrypted' : 'plain'
}
