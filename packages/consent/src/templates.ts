/**
 * Our templates, and over them the folder of the team: a file there replaces ours of the same name.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, posix, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ConfigurationError } from '@fastify-mcp-auth/core'
import { Eta } from 'eta'

// Templates are shipped as they are, beside the sources; both `src` and `dist` are one step away from them.
const OURS = fileURLToPath(new URL('../src/templates', import.meta.url))

export interface Templates {
  readonly engine: Eta
  /** Folder of our own files. */
  readonly root: string
  readonly theme: string
}

/** @throws ConfigurationError when the folder is missing or a template in it cannot be compiled */
export function loadTemplates(folder: string | undefined): Templates {
  const own = folder === undefined ? null : resolve(folder)
  if (own !== null && !statSync(own, { throwIfNoEntry: false })?.isDirectory())
    throw optionError(`"templates" is not a folder: ${own}`)
  const files = new Map([...listFiles(OURS), ...(own === null ? [] : listFiles(own))])
  const engine = new OverlayEta(files)
  for (const [name, path] of files) if (name.endsWith('.eta')) compile(engine, path)
  return Object.freeze({ engine, root: OURS, theme: readFileSync(pathOf(files, 'theme.css'), 'utf8') })
}

/** Looks a name up in a fixed list, and so cannot be led out of the two folders. */
class OverlayEta extends Eta {
  constructor(files: ReadonlyMap<string, string>) {
    super({ autoEscape: true })
    this.resolvePath = template => {
      const name = posix.normalize(template).replace(/^\/+/, '')
      return pathOf(files, name.endsWith('.eta') ? name : `${name}.eta`)
    }
  }
}

function listFiles(folder: string): [name: string, path: string][] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(name => /\.(eta|css)$/.test(name))
    .map(name => [name.replaceAll('\\', '/'), join(folder, name)])
}

function pathOf(files: ReadonlyMap<string, string>, name: string): string {
  const path = files.get(name)
  if (path === undefined) throw optionError(`there is no template "${name}"`)
  return path
}

function compile(engine: Eta, path: string): void {
  try {
    engine.compile(readFileSync(path, 'utf8'), { filepath: path })
  } catch (error) {
    throw optionError(`"templates" has a file that does not compile: ${path}: ${String(error)}`)
  }
}

const optionError = (message: string): ConfigurationError =>
  new ConfigurationError('FST_OAUTH_OPTION', `@fastify-mcp-auth/consent: ${message}`)
