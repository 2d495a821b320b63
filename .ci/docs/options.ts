/** Reference pages of options: what `options.ts` of a package says, member by member. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'

interface Member {
  readonly name: string
  readonly comment: string
  readonly schema: string
}

export interface OptionsSource {
  readonly name: string
  readonly file: string
}

export function optionsSources(): OptionsSource[] {
  return globSync('packages/*/src/options.ts')
    .toSorted()
    .filter(file => existsSync(file) && dirname(dirname(file)) !== 'packages/core')
    .map(file => ({ name: basename(dirname(dirname(file))), file }))
}

export function optionsPage({ name, file }: OptionsSource): string {
  const objects = new Map([...importedObjects(file), ...readObjects(readFileSync(file, 'utf8'))])
  // What a plugin takes is declared last, after the objects that it is made of.
  const entries = [...objects]
  const [, main] = entries.pop() ?? []
  if (!main) throw new Error(`${file} declares no options`)
  return `${[
    `# Options of @fastify-mcp-auth/${name}`,
    `Printed from \`${file}\` by \`pnpm run docs\`. A wrong option stops the boot with a message that names it.`,
    table(main, objects),
    ...entries.map(([title, members]) => `## ${words(title)}\n\n${table(members, objects)}`),
    ...pluginSections(dirname(file)),
    ...factorySections(dirname(file))
  ].join('\n\n')}\n`
}

/** Options that several plugins have, and that their `options.ts` imports from core. */
const SHARED: Record<string, string> = { BrandOptions: 'packages/core/src/pages/page.ts' }

function importedObjects(file: string): [string, Member[]][] {
  const source = readFileSync(file, 'utf8')
  return Object.entries(SHARED)
    .filter(([name]) => new RegExp(`import \\{[^}]*\\b${name}\\b[^}]*\\} from '@fastify-mcp-auth/core`).test(source))
    .flatMap(([, shared]) => [...readObjects(readFileSync(shared, 'utf8'))])
}

/** What a plugin takes besides the options of the core that it is built on. */
function pluginSections(folder: string): string[] {
  const file = `${folder}/plugin-options.ts`
  if (!existsSync(file)) return []
  const objects = new Map([...importedObjects(file), ...readObjects(readFileSync(file, 'utf8'))])
  return [...objects].toReversed().map(([title, members]) => `## ${words(title)}\n\n${table(members, objects)}`)
}

/** What the functions take that a plugin is given the results of: one file each in `verifiers`, the main object last. */
function factorySections(folder: string): string[] {
  return globSync(`${folder}/verifiers/*.ts`)
    .toSorted()
    .flatMap(file => {
      const objects = readObjects(readFileSync(file, 'utf8'))
      return [...objects].toReversed().map(([title, members]) => {
        const name = title.endsWith('OptionsSchema') ? `${camel(title.replace(/OptionsSchema$/, ''))}()` : words(title)
        return `## ${name}\n\n${table(members, objects)}`
      })
    })
}

const camel = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1)

const words = (title: string): string => title.replace(/(?<=[a-z])(?=[A-Z])/g, ' ')

function table(members: readonly Member[], objects: ReadonlyMap<string, readonly Member[]>): string {
  const rows = members.map(
    member =>
      `| \`${member.name}\` | ${typeOf(member.schema, objects)} | ${defaultOf(member.schema)} | ${member.comment} |`
  )
  return ['| option | type | default | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

/** Every `const X = Type.Object({ ... })`, with the commented members of its first level. */
function readObjects(source: string): Map<string, Member[]> {
  const objects = new Map<string, Member[]>()
  for (const declaration of source.matchAll(
    /^(?:export )?const (\w+) = Type\.Object\(\s*\{\n([\s\S]*?)\n {0,2}\}(?:,|\))/gm
  )) {
    const [, title = '', body = ''] = declaration
    const members = [...body.matchAll(/\/\*\*([\s\S]*?)\*\/\s*(\w+): ([\s\S]*?)(?=,?\s*\/\*\*|,?\s*$)/g)]
    objects.set(
      title,
      members.map(([, comment = '', name = '', schema = '']) => ({ name, comment: flatten(comment), schema }))
    )
  }
  return objects
}

function flatten(comment: string): string {
  const text = comment
    .replace(/^\s*\* ?/gm, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  return text
    .replace(/\{@link (\w+)\}/g, '`$1`')
    .replace(/@see /g, 'See ')
    .replaceAll('|', '\\|')
}

function typeOf(schema: string, objects: ReadonlyMap<string, readonly Member[]>): string {
  const optional = schema.startsWith('Type.Optional(')
  const inner = optional ? schema.slice('Type.Optional('.length).trim() : schema
  const adapter = /^(?:Adapter(?:That)?|Type\.Unsafe|fn\w*)<([^>]+>?)>/.exec(inner)
  const named = [...objects.keys()].find(title => new RegExp(`\\b${title}\\b`).test(inner))
  const kind =
    adapter?.[1]?.replaceAll('|', '\\|') ??
    (/^Type\.(\w+)/.exec(inner)?.[1] ?? inner.replace(/[^\w].*$/s, '')).toLowerCase().replace('integer', 'whole number')
  const choices = choicesOf(inner)
  if (choices) return optional ? `${choices}, optional` : choices
  const shown =
    named && !adapter
      ? `${kind === named.toLowerCase() ? '' : `${kind} of `}[${words(named)}](#${words(named).toLowerCase().replaceAll(' ', '-')})`
      : `\`${kind}\``
  return optional ? `${shown}, optional` : shown
}

/** The words of a choice, and what else may stand there; null for a schema that is no choice between words. */
function choicesOf(schema: string): string | null {
  if (!schema.startsWith('Type.Union(')) return null
  const literals = [...schema.matchAll(/Type\.Literal\(('[^']*'|\w+)\)/g)].map(([, value]) => `\`${value}\``)
  if (literals.length === 0) return null
  const others = [...schema.matchAll(/[[,]\s*Type\.(?!Literal)(\w+)\(/g)].map(
    ([, kind = '']) => `\`${kind.toLowerCase()}\``
  )
  return [...literals, ...others].join(' or ')
}

function defaultOf(schema: string): string {
  const value = /default: (\[[^\]]*\]|\{\}|'[^']*'|[^,}\n]+)/.exec(schema)?.[1]?.trim()
  return value === undefined ? '' : `\`${value.replaceAll('|', '\\|')}\``
}
