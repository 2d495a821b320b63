/** The parameters of a connection as a request has them: JSON says all of them, a form has a field for each. */
import type { FastifyRequest } from 'fastify'
import { McpConnectionError } from '../errors.ts'
import type { ParamNames } from '../param-names.ts'
import { textsOf } from './asker.ts'

/** Field of a form for a parameter. */
export function paramField(name: string): string {
  return `param.${name}`
}

interface GivenParams {
  readonly params: Record<string, string> | null
  /** Secrets that the form has nothing for: it is never told what they are. */
  readonly keep: readonly string[]
}

/** @throws McpConnectionError `MCP_INVALID_INPUT`; what is wrong with names and values, whoever stores them says */
export function readParamsBody(request: FastifyRequest, names: ParamNames): GivenParams {
  const body = (request.body ?? {}) as { readonly [member: string]: unknown }
  if (Object.hasOwn(body, 'params'))
    return { params: body['params'] as Record<string, string> | null, keep: textsOf(request, 'keep') }
  const forgotten = textsOf(request, 'forget')
  const fields = Object.entries(names).map(([name, kind]) => ({ name, kind, text: body[paramField(name)] }))
  // Nothing would take away all of them.
  if (!fields.some(({ text }) => text !== undefined))
    throw new McpConnectionError('MCP_INVALID_INPUT', '"params" is missing')
  const isEmpty = (text: unknown): boolean => text === undefined || text === ''
  const given = fields.filter(({ text }) => !isEmpty(text)).map(({ name, text }) => [name, text as string])
  const blank = fields.filter(({ kind, text }) => kind === 'secret' && isEmpty(text)).map(({ name }) => name)
  return { params: Object.fromEntries(given), keep: blank.filter(name => !forgotten.includes(name)) }
}
