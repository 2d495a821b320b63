/** Our templates in Eta, and over them those of the team. */
import { fileURLToPath } from 'node:url'
import { ConfigurationError } from '@fastify-mcp-auth/core'
import { type TemplateFiles, templateFiles } from '@fastify-mcp-auth/core/pages'
import { Eta } from 'eta'

// Templates are shipped as they are, beside the sources; both `src` and `dist` are one step away from them.
const OURS = fileURLToPath(new URL('../src/templates', import.meta.url))

export interface Templates {
  readonly engine: Eta
  readonly files: TemplateFiles
}

/**
 * @param folder of the team
 * @param bare whether an app puts its own frame around the pages, in place of `layout.eta`
 * @throws ConfigurationError when the folder is missing or a template in it cannot be compiled
 */
export function loadTemplates(folder: string | undefined, bare = false): Templates {
  const files = templateFiles(OURS, folder, '@fastify-mcp-auth/consent')
  const engine = new OverlayEta(files, bare)
  for (const [name, path] of files.paths) if (name.endsWith('.eta')) compile(engine, { path, text: files.read(name) })
  return Object.freeze({ engine, files })
}

/** Looks a name up in a fixed list, and so cannot be led out of the two folders. */
class OverlayEta extends Eta {
  constructor(files: TemplateFiles, bare: boolean) {
    super({ autoEscape: true })
    this.resolvePath = template => {
      // "./parts/x" and "/parts/x" are the same place here.
      const name = new URL(template, 'file:///').pathname.slice(1)
      const file = name.endsWith('.eta') ? name : `${name}.eta`
      return files.pathOf(bare && file === 'layout.eta' ? 'bare.eta' : file)
    }
  }
}

function compile(engine: Eta, { path, text }: { path: string; text: string }): void {
  try {
    engine.compile(text, { filepath: path })
  } catch (error) {
    throw new ConfigurationError(
      'FST_OAUTH_OPTION',
      `@fastify-mcp-auth/consent: "templates" has a file that does not compile: ${path}: ${String(error)}`
    )
  }
}
