/**
 * Type-checks every TypeScript block of the documentation: what a guide shows has to work with the packages as they are.
 *
 * Each block is a module of its own. What a block may use without declaring it is in `docs/snippets.d.ts`. A block that begins with
 * `name: ` is part of the options of one of the plugins.
 */
import { spawnSync } from 'node:child_process'
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'

const FOLDER = 'docs/snippets'
const PLACES = ['README.md', 'docs/*.md', 'docs/guides/*.md', 'packages/*/README.md', 'examples/*/README.md']

/** What a block imports from `./app.js`, the file in which readers build their app. */
const READERS_APP = 'export declare const buildApp: typeof globalThis.buildApp\n'

interface Snippet {
  /** Where it stands, for people. */
  readonly place: string
  readonly code: string
}

/** @throws Error with what the compiler says, and where the block stands */
export function assertSnippets(): number {
  const snippets = globSync(PLACES).toSorted().flatMap(readSnippets)
  rmSync(FOLDER, { recursive: true, force: true })
  mkdirSync(FOLDER, { recursive: true })
  const files = new Map(snippets.map((snippet, index) => [`${index}.ts`, snippet]))
  for (const [name, { code }] of files) writeFileSync(`${FOLDER}/${name}`, moduleOf(code))
  writeFileSync(`${FOLDER}/app.d.ts`, READERS_APP)
  const { status, stdout } = spawnSync('node_modules/.bin/tsc', ['-p', 'docs/tsconfig.json', '--pretty', 'false'], {
    encoding: 'utf8'
  })
  rmSync(FOLDER, { recursive: true, force: true })
  if (status === 0) return snippets.length
  const complaints = stdout.replace(/^docs\/snippets\/(\d+\.ts)\((\d+),\d+\)/gm, (_, name: string, line: string) => {
    const { place = '' } = files.get(name) ?? {}
    const [file, start] = place.split(':')
    return `${file}:${Number(start) + Number(line)}`
  })
  throw new Error(`examples that do not compile (docs/snippets.d.ts has what they may use undeclared):\n${complaints}`)
}

function readSnippets(file: string): Snippet[] {
  const text = readFileSync(file, 'utf8')
  // Files that are shown whole are compiled where they are.
  return [...text.matchAll(/(?<!^<!-- from .*\n)^```ts\n([\s\S]*?)^```$/gm)].map(({ index, 1: code = '' }) => ({
    place: `${file}:${text.slice(0, index).split('\n').length}`,
    code
  }))
}

// On one line with what it begins with, so that the lines of the block keep their numbers.
function moduleOf(code: string): string {
  return /^\w+: /.test(code) ? `const part: SomeOptions = { ${code} }\nexport { part }\n` : `${code}\nexport {}\n`
}
