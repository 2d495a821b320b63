/** Our templates in Eta, and over them those of the team: a file there replaces ours of the same name. */
import { fileURLToPath } from 'node:url'
import { ConfigurationError } from '@fastify-mcp-auth/core'
import { type TemplateFiles, templateFiles } from '@fastify-mcp-auth/core/pages'
import { Eta } from 'eta'

// Templates are shipped as they are, beside the sources; both `src/pages` and `dist/pages` are two steps away from them.
const OURS = fileURLToPath(new URL('../../src/templates', import.meta.url))

export interface Templates {
  readonly files: TemplateFiles
  render(name: string, model: object): string
}

/** @throws ConfigurationError when the folder is missing or a template in it cannot be compiled */
export function loadTemplates(folder: string | undefined): Templates {
  const files = templateFiles(OURS, folder, '@fastify-mcp-auth/connections')
  const engine = new OverlayEta(files)
  for (const [name, path] of files.paths) if (name.endsWith('.eta')) compile(engine, { path, text: files.read(name) })
  return Object.freeze({ files, render: (name: string, model: object) => engine.render(name, model) })
}

/** Looks a name up in a fixed list, and so cannot be led out of the two folders. */
class OverlayEta extends Eta {
  constructor(files: TemplateFiles) {
    super({ autoEscape: true, cache: true })
    this.resolvePath = template => {
      // "./parts/x" and "/parts/x" are the same place here.
      const name = new URL(template, 'file:///').pathname.slice(1)
      return files.pathOf(name.endsWith('.eta') ? name : `${name}.eta`)
    }
  }
}

function compile(engine: Eta, { path, text }: { path: string; text: string }): void {
  try {
    engine.compile(text, { filepath: path })
  } catch (error) {
    throw new ConfigurationError(
      'FST_OAUTH_OPTION',
      `connections: option "ui.templates" has a file that does not compile: ${path}: ${String(error)}`
    )
  }
}
