/** The files that `init` writes: those of `templates/`, with what is particular to a project. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { randomSecret } from '@fastify-mcp-auth/core'

const TEMPLATES = fileURLToPath(new URL('../templates', import.meta.url))
const MANIFEST = fileURLToPath(new URL('../package.json', import.meta.url))

/** npm leaves files of these names out of what it publishes. */
const NAMES: { readonly [template: string]: string } = {
  'dot-env': '.env',
  'dot-env.example': '.env.example',
  'dot-gitignore': '.gitignore'
}

/** `app` issues and protects, `connections` is a client of others. `both` has what fits either. */
export type Kind = 'app' | 'connections'

/**
 * Never overwrites.
 *
 * @param folder created when it is not there
 */
export function scaffold(folder: string, kind: Kind = 'app'): { written: readonly string[]; kept: readonly string[] } {
  mkdirSync(folder, { recursive: true })
  const written: string[] = []
  const kept: string[] = []
  for (const [template, path] of templatesOf(kind)) {
    const name = NAMES[template] ?? template
    const file = join(folder, name)
    if (existsSync(file)) kept.push(name)
    else {
      const text = filledIn(readFileSync(path, 'utf8'), folder)
      // Nobody else's business, and never somebody else's file.
      writeFileSync(file, text, { flag: 'wx', mode: name === '.env' ? 0o600 : 0o644 })
      written.push(name)
    }
  }
  return { written, kept }
}

function templatesOf(kind: Kind): (readonly [name: string, path: string])[] {
  return ['both', kind]
    .flatMap(folder => readdirSync(join(TEMPLATES, folder)).map(name => [name, join(TEMPLATES, folder, name)] as const))
    .toSorted(([a], [b]) => a.localeCompare(b))
}

function filledIn(template: string, folder: string): string {
  const { version } = JSON.parse(readFileSync(MANIFEST, 'utf8')) as { version: string }
  const name =
    basename(resolve(folder))
      .toLowerCase()
      .replace(/[^a-z0-9-]+/g, '-') || 'app'
  return template
    .replaceAll('{{name}}', name)
    .replaceAll('{{version}}', `^${version}`)
    .replaceAll('{{key}}', () => Buffer.from(randomSecret(32), 'base64url').toString('base64'))
}
