/** One permission as a checkbox: what it is in a sentence, which tools it unlocks, and whether it can be undone. */
import type { ConsentScope } from '@fastify-mcp-auth/core'
import type { Sentence } from '@fastify-mcp-auth/core/pages'
import type { PageLocale } from './locales/languages.ts'
import { type ScopeLine, SHOWN_TOOLS, type ToolLine } from './model.ts'
import { type ToolsByScope, toolTitle } from './tools.ts'

export function describeScope(
  scope: ConsentScope,
  { locale, tools: known, stepUp }: { locale: PageLocale; tools: ToolsByScope; stepUp: boolean }
): ScopeLine {
  const tools = toolsOf(scope, known)
  const isDangerous = tools.some(({ destructive }) => destructive)
  const list = scope.includes.map(text => locale.text(text)).join(' · ')
  return {
    scope: scope.scope,
    description: locale.text(scope.description),
    detail: scope.detail === null ? null : locale.text(scope.detail),
    tools,
    ...toolTexts(tools, locale),
    includes: scope.includes.length === 0 ? null : locale.say('consent.includes', { list }),
    destructive: scope.destructive || isDangerous,
    required: scope.required,
    // The authorization server does not know what its tools say about themselves.
    checked: scope.required || (scope.preselected && (stepUp || !isDangerous))
  }
}

/** Those that the options name, and those that the resource server lets in by this scope. The dangerous ones come first. */
function toolsOf(scope: ConsentScope, known: ToolsByScope): ToolLine[] {
  const listed = known.get(scope.scope) ?? []
  const named = scope.tools
    .filter(name => !listed.some(tool => tool.name === name))
    .map(name => ({ name, title: toolTitle({ name }), destructive: false }))
  return [...named, ...listed].toSorted((a, b) => Number(b.destructive) - Number(a.destructive))
}

function toolTexts(tools: readonly ToolLine[], locale: PageLocale): Pick<ScopeLine, 'toolsText' | 'allToolsText'> {
  if (tools.length === 0) return { toolsText: null, allToolsText: null }
  // Where all are dangerous, the line says so already.
  const marks = tools.some(({ destructive }) => !destructive)
  const names = (some: readonly ToolLine[]): Sentence => {
    const list = locale.enumerate(some.map(({ title }) => title))
    let next = 0
    return list.flatMap(part => {
      if (typeof part === 'string') return [part]
      const isMarked = marks && some[next++]?.destructive
      return isMarked ? [part, ` (${locale.word('consent.irreversible')})`] : [part]
    })
  }
  const count = tools.length
  if (count <= SHOWN_TOOLS)
    return { toolsText: locale.say('consent.tools', { count, names: names(tools) }), allToolsText: null }
  return {
    toolsText: locale.say('consent.tools.some', { count, names: names(tools.slice(0, SHOWN_TOOLS)) }),
    allToolsText: names(tools)
  }
}
