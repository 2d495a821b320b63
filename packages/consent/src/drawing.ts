/** How a model becomes a document: by the team's function, by the engine of the team, or by our templates. */
import fastifyView from '@fastify/view'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { missingFacts } from './facts.ts'
import type { PageModel } from './model.ts'
import type { ConsentOptions } from './options.ts'
import { loadTemplates, type Templates } from './templates.ts'

/** @returns a whole HTML document */
export type Draw = (model: PageModel, reply: FastifyReply) => Promise<string>

type View = (template: string, model: PageModel) => Promise<string>

// Decorators of a scope reach every scope below, and the host may already have a `view` of its own.
const VIEW = 'mcpAuthPage'

/**
 * @param scope of the pages alone
 * @throws ConfigurationError for templates that cannot work
 */
export async function createDraw(scope: FastifyInstance, options: ConsentOptions): Promise<Draw> {
  const view = await createView(scope, options)
  const { layout, render } = options
  return async (model, reply) => {
    const own = await render?.(model, reply)
    if (own !== undefined && isHonest(own, model, reply)) return own
    const html = await view(model.page, model)
    if (!layout) return html
    const head = await view('head', model)
    return layout(
      { head, body: `<div class="mcp-auth" lang="${model.lang}" dir="${model.dir}">${html}</div>`, model },
      reply
    )
  }
}

/** What a function made is looked at each time: it can do anything, and a question that hides something must not be asked. */
function isHonest(html: string, model: PageModel, { log }: FastifyReply): boolean {
  const faults = missingFacts(html, model)
  if (faults.length === 0) return true
  log.error(
    { page: model.page, faults },
    'option "render": the page keeps something from people; the usual one is shown in its place'
  )
  return false
}

/** Draws by templates alone: what a file of the engine does not draw, ours do. */
export async function createView(scope: FastifyInstance, options: ConsentOptions): Promise<View> {
  const templates = loadTemplates(options.templates, options.layout !== undefined)
  const ours = await etaView(scope, templates)
  const [name] = Object.keys(options.engine ?? {})
  if (name === undefined || options.templates === undefined) return ours
  const extension = options.extension ?? name
  const theirs = await engineView(scope, { ...options, extension, root: options.templates })
  return (template, model) =>
    templates.files.replaced.has(`${template}.${extension}`) ? theirs(template, model) : ours(template, model)
}

function etaView(scope: FastifyInstance, { engine, files }: Templates): Promise<View> {
  return register(scope, VIEW, { engine: { eta: engine }, root: files.pathOf('layout.eta').replace(/[^/\\]+$/, '') })
}

function engineView(
  scope: FastifyInstance,
  { engine, engineOptions, root, extension }: ConsentOptions & { root: string; extension: string }
): Promise<View> {
  return register(scope, `${VIEW}Engine`, {
    engine: engine as NonNullable<Parameters<typeof fastifyView>[1]>['engine'],
    root,
    viewExt: extension,
    options: engineOptions ?? {}
  })
}

async function register(
  parent: FastifyInstance,
  property: string,
  options: NonNullable<Parameters<typeof fastifyView>[1]>
): Promise<View> {
  let view: FastifyInstance['view'] | undefined
  await parent.register(async scope => {
    // A host with a view of its own would share its cache of names with us, and then we would open each other's files.
    scope.decorate(fastifyView.fastifyViewCache as unknown as symbol, new Map())
    await scope.register(fastifyView, { ...options, propertyName: property, asyncPropertyName: `${property}Async` })
    view = Reflect.get(scope, property)
  })
  return async (template, model) => {
    if (!view) throw new Error('the views are not ready')
    return view(template, model)
  }
}
