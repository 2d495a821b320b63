/**
 * Turns what an integrator passed to a plugin into options that can be trusted: checked against one TypeBox schema,
 * defaults filled in, frozen. The schema is at once check, type, default and documentation.
 */
import type { Static, TSchema } from 'typebox'
import Value from 'typebox/value'
import { ConfigurationError } from './errors.ts'

/**
 * @param schema what the plugin accepts; unknown keys are refused when it says `additionalProperties: false`
 * @param owner name of the plugin, for the message
 * @returns a frozen copy; functions and class instances (drivers, adapters) are kept by reference and not frozen
 * @throws ConfigurationError `FST_OAUTH_OPTION`, naming the first wrong option
 */
export function resolveOptions<S extends TSchema>(schema: S, input: unknown, owner: string): Static<S> {
  const options = Value.Default(schema, copyPlain(input ?? {}))
  if (!Value.Check(schema, options)) throw new ConfigurationError('FST_OAUTH_OPTION', describe(schema, options, owner))
  return freezePlain(options) as Static<S>
}

function describe(schema: TSchema, options: unknown, owner: string): string {
  // Deepest path first: the error of a member says more than the error of the object around it.
  const [error] = Value.Errors(schema, options).toSorted((a, b) => depth(b.instancePath) - depth(a.instancePath))
  if (!error) return `${owner}: the options are not acceptable`
  const missing = 'requiredProperties' in error.params ? (error.params.requiredProperties as string[])[0] : undefined
  const path = [...error.instancePath.split('/').slice(1).map(unescapePointer), ...(missing ? [missing] : [])].join('.')
  if (missing) return `${owner}: option "${path}" is missing`
  if (error.keyword === 'boolean') return `${owner}: there is no option "${path}"`
  return `${owner}: option "${path}" ${error.message}`
}

const depth = (pointer: string): number => pointer.split('/').length

const unescapePointer = (part: string): string => part.replaceAll('~1', '/').replaceAll('~0', '~')

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function copyPlain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyPlain)
  if (!isPlain(value) || hasMethods(value)) return value
  // An option that is passed as undefined is an option that was not passed.
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, member]) => (member === undefined ? [] : [[key, copyPlain(member)]]))
  )
}

function freezePlain(value: unknown): unknown {
  if (Array.isArray(value) || (isPlain(value) && !hasMethods(value))) {
    for (const member of Object.values(value)) freezePlain(member)
    Object.freeze(value)
  }
  return value
}

// An object literal with two or more functions is an adapter or a driver: its identity and its `this` matter.
function hasMethods(value: Record<string, unknown>): boolean {
  return Object.values(value).filter(member => typeof member === 'function').length > 1
}
