/** The whole definition of a tool, for whoever is to accept it: a server hides nothing in what a model reads and a person does not. */
import { cleanName } from '@fastify-mcp-auth/core/pages'
import type { Tool } from '@modelcontextprotocol/client'
import type { DefinitionText, ParamText } from './model.ts'

export function describeDefinition(tool: Tool): DefinitionText {
  return { params: paramsOf(tool.inputSchema), text: visible(JSON.stringify(tool, null, 1)) }
}

/** Of a JSON Schema that strangers wrote: any member may be anything. */
function paramsOf(schema: unknown): ParamText[] {
  const { properties, required } = membersOf(schema)
  return Object.entries(membersOf(properties)).map(([name, member]) => {
    const { type, description, items } = membersOf(member)
    const elements = membersOf(items)['type']
    return {
      name: cleanName(name),
      type: cleanName([type === 'array' && isText(elements) ? `${elements}[]` : type].flat().filter(isText).join(', ')),
      isRequired: Array.isArray(required) && required.includes(name),
      description: isText(description) ? cleanName(description) : null,
      params: [...paramsOf(member), ...paramsOf(items)]
    }
  })
}

function membersOf(value: unknown): { readonly [member: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

/** Shows what takes no room or turns the reading direction, where {@link cleanName} leaves it out. Line breaks are those of the layout. */
function visible(json: string): string {
  return json.replace(
    /[^\n\P{Cc}]|[\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu,
    character => `\\u{${character.codePointAt(0)?.toString(16)}}`
  )
}
