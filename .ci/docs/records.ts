/** Reference page of what the authorization server keeps: each collection, each field, as what, and for how long. */
import { readFileSync } from 'node:fs'
import { COLLECTIONS, LIFETIMES } from '../../packages/authorization-server/src/records.ts'
import { protectionsIn } from '../../packages/core/src/storage/protection.ts'

const SOURCE = 'packages/authorization-server/src/records.ts'

/** @throws Error when a collection or its declaration is not written as this page reads it */
export function recordsPage(): string {
  const source = readFileSync(SOURCE, 'utf8')
  const sections = Object.entries(COLLECTIONS).map(([member, { name, fields, indexes, record, shortLived }]) => {
    const { about, body } = declarationOf(source, member)
    const rows = fields.map(({ name: field }) => {
      const comment = commentOf(body, field)
      return `| \`${field}\` | ${keptAs(record.properties[field as keyof typeof record.properties])} | ${comment} |`
    })
    return [
      `## ${name}`,
      `${about.replace(/ @see (.*)/, ' See $1.')} Kept: ${LIFETIMES[member as keyof typeof COLLECTIONS]}${shortLived ? '; goes to `shortLived` of a split storage' : ''}.${indexes.length > 0 ? ` Found by ${indexes.map(index => `\`${index}\``).join(', ')}.` : ''}`,
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

/** What the schema of the field says: its own protection, or those of what is inside. */
function keptAs(schema: Parameters<typeof protectionsIn>[0]): string {
  const kinds = [...protectionsIn(schema)].filter(kind => kind !== 'plain')
  return kinds.length === 0 ? 'plain' : kinds.join(' and ')
}
