/**
 * Whether templates of a team still tell people what they must know to decide: who asks, where the answer goes, what it may do. Draws
 * pages with made-up questions and looks for it in what comes out.
 *
 * @see MCP security best practices, confused deputy: what a consent page must show
 */
import { ConfigurationError } from '@fastify-mcp-auth/core'
import Fastify from 'fastify'
import { createView } from './drawing.ts'
import { missingFacts } from './facts.ts'
import { pageLanguages } from './locales/languages.ts'
import { type ConsentOptions, resolveConsentOptions } from './options.ts'
import { probePages } from './probe-page.ts'

/**
 * Draws the pages that ask for something by `templates` and `engine`: consent (a first question, a step-up, a device), codes of devices, a
 * sign-out. Lists what is missing in them or not escaped. For tests; the plugin does the same when it boots.
 *
 * Does not look at error pages, nor at what `render` and `layout` make: {@link missingFacts} tells about any document.
 *
 * @returns sentences for developers; empty when all is well
 * @throws ConfigurationError for options that are wrong, or templates that cannot be compiled
 */
export async function checkTemplates(input: ConsentOptions): Promise<string[]> {
  const options = resolveConsentOptions(input)
  const locale = pageLanguages(options.locales).choose({})
  const app = Fastify()
  try {
    const view = await createView(app, options)
    await app.ready()
    const faults = probePages(locale).map(async model => {
      const html = await view(model.page, model)
      return [...missingFacts(html, model), ...unescapedValues(html)]
    })
    return [...new Set((await Promise.all(faults)).flat())]
  } finally {
    await app.close()
  }
}

/** @throws ConfigurationError for templates of the team that hide something */
export async function assertTemplates(options: ConsentOptions): Promise<void> {
  if (options.templates === undefined) return
  const [fault] = await checkTemplates(options)
  if (fault !== undefined)
    throw new ConfigurationError('FST_OAUTH_OPTION', `@fastify-mcp-auth/consent: option "templates": ${fault}`)
}

// The probe has this in every value that somebody else chose.
function unescapedValues(html: string): string[] {
  return /<probe/i.test(html) ? ['the page prints values without escaping them: anybody could put a script there'] : []
}
