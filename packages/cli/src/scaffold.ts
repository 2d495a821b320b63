/** The files that `init` writes: those of `templates/`, with what is particular to a project. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { randomSecret } from '@fastify-mcp-auth/core'

const TEMPLATES = fileURLToPath(new URL('../templates', import.meta.url))
const MANIFEST = fileURLToPath(new URL('../package.json', import.meta.url))

/** npm leaves files of these names out of what it publishes. */
const NAMES: { readonly [template: string]: string } = { 'dot-env': '.env', 'dot-gitignore': '.gitignore' }

/**
 * Never overwrites.
 *
 * @param folder created when it is not there
 */
export function scaffold(folder: string): { written: readonly string[]; kept: readonly string[] } {
  mkdirSync(folder, { recursive: true })
  const written: string[] = []
  const kept: string[] = []
  for (const template of readdirSync(TEMPLATES).toSorted()) {
    const name = NAMES[template] ?? template
    const file = join(folder, name)
    if (existsSync(file)) kept.push(name)
    else {
      const text = filledIn(readFileSync(join(TEMPLATES, template), 'utf8'), folder)
      // Nobody else's business, and never somebody else's file.
      writeFileSync(file, text, { flag: 'wx', mode: name === '.env' ? 0o600 : 0o644 })
      written.push(name)
    }
  }
  return { written, kept }
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
