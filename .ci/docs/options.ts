/** Reference pages of options: what `options.ts` of a package says, member by member. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { defaultOf, isOptional, type Member, objectMembers, schemasOf, typeOf } from './schema-text.ts'

/** Members by the name of their object. */
type Objects = ReadonlyMap<string, readonly Member[]>

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
  const source = readFileSync(file, 'utf8')
  const objects = new Map([...importedObjects(file), ...readObjects(source)])
  const row = rowsOf(source, objects)
  // What a plugin takes is declared last, after the objects that it is made of.
  const entries = [...objects]
  const [, main] = entries.pop() ?? []
  if (!main) throw new Error(`${file} declares no options`)
  return `${[
    `# Options of @fastify-mcp-auth/${name}`,
    `Printed from \`${file}\` by \`pnpm run docs\`. A wrong option stops the boot with a message that names it.`,
    table(main, row),
    ...entries.map(([title, members]) => `## ${words(title)}\n\n${table(members, row)}`),
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
  const source = readFileSync(file, 'utf8')
  const objects = new Map([...importedObjects(file), ...readObjects(source)])
  const row = rowsOf(source, objects)
  return [...objects].toReversed().map(([title, members]) => `## ${words(title)}\n\n${table(members, row)}`)
}

/** What the functions take that a plugin is given the results of: one file each in `verifiers`, the main object last. */
function factorySections(folder: string): string[] {
  return globSync(`${folder}/verifiers/*.ts`)
    .toSorted()
    .flatMap(file => {
      const source = readFileSync(file, 'utf8')
      const objects = readObjects(source)
      const row = rowsOf(source, objects)
      return [...objects].toReversed().map(([title, members]) => {
        const name = title.endsWith('OptionsSchema') ? `${camel(title.replace(/OptionsSchema$/, ''))}()` : words(title)
        return `## ${name}\n\n${table(members, row)}`
      })
    })
}

const camel = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1)

const words = (title: string): string => title.replace(/(?<=[a-z])(?=[A-Z])/g, ' ')

const table = (members: readonly Member[], row: (member: Member) => string[]): string =>
  ['| option | type | default | meaning |', '| --- | --- | --- | --- |', ...members.flatMap(row)].join('\n')

/** Schemas of other packages, by what stands for them. */
const IMPORTED: Record<string, string> = {
  LocalizedTextSchema: 'Type.Union([Type.String(), Type.Record(Type.String(), Type.String())])',
  'ClientMetadata.properties.jwks': 'Type.Object({})'
}

/** @returns the rows of a member: its own, and one for each commented member of an object that stands in its place, as `refresh.early` */
function rowsOf(source: string, objects: Objects): (member: Member) => string[] {
  const schemas = schemasOf(source)
  const named = (name: string): { text: string } | { schema: string } | null => {
    if (objects.has(name)) return { text: `[${words(name)}](#${words(name).toLowerCase().replaceAll(' ', '-')})` }
    const schema = IMPORTED[name] ?? schemas.get(name)
    return schema === undefined ? null : { schema }
  }
  const rows = ({ name, comment, value }: Member): string[] => {
    const inner = (objectMembers(value) ?? []).flatMap(member => rows({ ...member, name: `${name}.${member.name}` }))
    if (comment === '') return inner
    const standard = defaultOf(value)
    const cells = [
      `\`${name}\``,
      `${typeOf(value, named)}${isOptional(value) ? ', optional' : ''}`,
      standard === null ? '' : `\`${standard.replaceAll('|', '\\|')}\``,
      flatten(comment)
    ]
    return [`| ${cells.join(' | ')} |`, ...inner]
  }
  return rows
}

/** Every `const X = Type.Object({ ... })`. */
function readObjects(source: string): Map<string, Member[]> {
  const objects = [...schemasOf(source)].filter(([, schema]) => schema.startsWith('Type.Object('))
  return new Map(objects.map(([title, schema]) => [title, objectMembers(schema) ?? []]))
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
