/**
 * What users import needs a docstring, because that is all of the documentation that an editor shows. Follows the entry points of every
 * package to the declarations.
 */
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

interface Manifest {
  readonly private?: boolean
  readonly exports: { readonly [entry: string]: string | { readonly '@fastify-mcp-auth/source'?: string } }
}

/** @throws Error naming every public export without a docstring */
export function assertDocumented(): void {
  const declarations = publicDeclarations()
  // One comment serves all overloads, and a schema together with its type.
  const documented = new Set(declarations.filter(({ comment }) => comment).map(({ file, name }) => `${file} ${name}`))
  const bare = declarations.filter(({ file, name }) => !documented.has(`${file} ${name}`))
  if (bare.length === 0) return
  const list = bare.map(({ file, name }) => `  ${file}: ${name}`)
  throw new Error(`public exports without a docstring:\n${[...new Set(list)].join('\n')}`)
}

interface Declaration {
  readonly file: string
  readonly name: string
  readonly comment: boolean
}

function publicDeclarations(): Declaration[] {
  return globSync('packages/*/package.json')
    .toSorted()
    .flatMap(file => {
      const manifest = JSON.parse(readFileSync(file, 'utf8')) as Manifest
      if (manifest.private) return []
      const entries = Object.values(manifest.exports).flatMap(entry =>
        typeof entry === 'object' ? [entry['@fastify-mcp-auth/source'] ?? []].flat() : []
      )
      return entries.flatMap(entry => exportsOf(join(dirname(file), entry), null))
    })
}

/** @param names those that are wanted; null for all */
function exportsOf(file: string, names: readonly string[] | null): Declaration[] {
  const source = readFileSync(file, 'utf8')
  const passedOn = [...source.matchAll(/^export (?:type )?(\*|\{[^}]*\}) from '(\.[^']+)'/gm)].flatMap(
    ([, what = '', from = '']) => {
      const inner = what === '*' ? null : namesIn(what)
      const wanted = inner === null ? names : inner.filter(name => names === null || names.includes(name))
      return wanted?.length === 0 ? [] : exportsOf(join(dirname(file), from), wanted)
    }
  )
  return [...declarationsIn(file, source).filter(({ name }) => names === null || names.includes(name)), ...passedOn]
}

// `type A, b as c, default`: the name in the file that it comes from.
function namesIn(clause: string): string[] {
  return clause
    .slice(1, -1)
    .split(',')
    .map(name =>
      name
        .trim()
        .replace(/^type /, '')
        .replace(/ as .*/, '')
    )
    .filter(name => name !== '')
}

const DECLARATION =
  /(\*\/\n)?^export (?:default |(?:declare |abstract |async )*(?:function|class|const|interface|type|enum) (\w+))/gm

function declarationsIn(file: string, source: string): Declaration[] {
  return [...source.matchAll(DECLARATION)].map(([, comment, name = 'default']) => ({
    file,
    name,
    comment: comment !== undefined
  }))
}
