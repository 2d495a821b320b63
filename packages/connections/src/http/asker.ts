/** Who asks, and in which language a route has to answer: a person's browser or a program. */
import type { FastifyRequest } from 'fastify'
import { McpConnectionError } from '../errors.ts'
import type { ResolvedPluginOptions } from '../plugin-options.ts'
import type { Owner } from '../types.ts'

const MAX_AGENT = 512

/** @returns null when nobody is signed in */
export async function readOwner(
  { owner }: ResolvedPluginOptions,
  request: FastifyRequest,
  agent: string | null = agentOf(request)
): Promise<Owner | null> {
  return owner(request, { agent })
}

/** The agent whose page this is: `?agent=...`, or a field of the form. */
export function agentOf(request: FastifyRequest): string | null {
  const given = memberOf(request.body, 'agent') ?? memberOf(request.query, 'agent')
  if (given === undefined || given === '') return null
  if (typeof given !== 'string' || given.length > MAX_AGENT)
    throw new McpConnectionError('MCP_INVALID_INPUT', `"agent" must be one text of at most ${MAX_AGENT} characters`)
  return given
}

/** A parameter of the body, or else of the query: one text, or nothing. @throws McpConnectionError `MCP_INVALID_INPUT` */
export function textOf(request: FastifyRequest, name: string, maxLength = 2048): string | undefined {
  const given = memberOf(request.body, name) ?? memberOf(request.query, name)
  if (given === undefined || given === '') return undefined
  if (typeof given !== 'string' || given.length > maxLength)
    throw new McpConnectionError('MCP_INVALID_INPUT', `"${name}" must be one text of at most ${maxLength} characters`)
  return given
}

/** Several texts of the body: a repeated field of a form, or an array. */
export function textsOf(request: FastifyRequest, name: string, most = 1000): string[] {
  const given = [memberOf(request.body, name) ?? []].flat()
  if (given.length > most || !given.every(one => typeof one === 'string' && one.length <= 512))
    throw new McpConnectionError('MCP_INVALID_INPUT', `"${name}" must be a list of texts`)
  return given as string[]
}

function memberOf(source: unknown, name: string): unknown {
  return typeof source === 'object' && source !== null && Object.hasOwn(source, name)
    ? Reflect.get(source, name)
    : undefined
}

/** Whether the answer is for a program: it says so, or it sent JSON and does not ask for a page. */
export function wantsJson({ headers }: FastifyRequest): boolean {
  const accept = headers.accept ?? ''
  if (/\btext\/html\b/i.test(accept)) return false
  return /\bapplication\/(?:json|\*)/i.test(accept) || /^application\/json\b/i.test(headers['content-type'] ?? '')
}
