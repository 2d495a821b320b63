/**
 * Turns what an integrator passed to a plugin into options that can be trusted: checked against one TypeBox schema,
 * defaults filled in, frozen. The schema is at once check, type, default and documentation.
 */
import type { Static, TSchema, TUnsafe } from 'typebox'
import { Errors } from 'typebox/schema'
import { ConfigurationError } from './errors.ts'
import { conforms, Type } from './type.ts'

const ADAPTER = '~adapter'

/**
 * Schema of an option that is somebody's object with methods (a driver, a user adapter, a clock): checked for the methods,
 * handed on by reference, never copied or frozen.
 */
export function Adapter<T>(...methods: readonly (keyof T & string)[]): TUnsafe<T> {
  return AdapterThat<T>(value => hasMethods(value, methods), `must have the methods ${methods.join(', ')}`)
}

/** An {@link Adapter} that more has to be said about. @param message what it must be, behind the name of the option */
export function AdapterThat<T>(isOne: (value: unknown) => boolean, message: string): TUnsafe<T> {
  const schema = Type.Refine(Type.Unknown(), isOne, () => message)
  return Object.assign(Type.Unsafe<T>(schema), { [ADAPTER]: true })
}

/** Whether it is an object with all of these methods. */
export function hasMethods(value: unknown, methods: readonly string[]): boolean {
  return (
    typeof value === 'object' && value !== null && methods.every(name => typeof Reflect.get(value, name) === 'function')
  )
}

/**
 * @param schema what the plugin accepts; unknown keys are refused when it says `additionalProperties: false`
 * @param owner name of the plugin, for the message
 * @returns a frozen copy; what the schema calls an {@link Adapter} and every class instance is kept by reference
 * @throws ConfigurationError `FST_OAUTH_OPTION`, naming the first wrong option
 */
export function resolveOptions<S extends TSchema>(schema: S, input: unknown, owner: string): Static<S> {
  const given = input ?? {}
  // An instance would be neither copied nor frozen, and the defaults would be written into it.
  if (!isPlain(given)) throw new ConfigurationError('FST_OAUTH_OPTION', `${owner}: the options must be a plain object`)
  const adapters = new Set<unknown>()
  const options = withDefaults(schema, copyPlain(schema, given, adapters))
  if (!conforms(schema, options)) throw new ConfigurationError('FST_OAUTH_OPTION', describe(schema, options, owner))
  return freezePlain(options, adapters) as Static<S>
}

function describe(schema: TSchema, options: unknown, owner: string): string {
  const [, errors] = Errors(schema, options)
  const complaints = (path: string): number => errors.filter(({ instancePath }) => instancePath === path).length
  // Deepest path first: the error of a member says more than the error of the object around it. Where there are several shapes to
  // choose from, each complains about what it does not know; what all of them complain about is wrong.
  const [error] = errors.toSorted(
    ({ instancePath: a }, { instancePath: b }) => depth(b) - depth(a) || complaints(b) - complaints(a)
  )
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

type AnySchema = TSchema & {
  properties?: Record<string, TSchema>
  patternProperties?: Record<string, TSchema>
  items?: TSchema
  anyOf?: TSchema[]
  default?: unknown
}

// Follows the schema down to find the adapters, which are handed on as they are; everything else that is plain is copied.
function copyPlain(schema: AnySchema | undefined, value: unknown, adapters: Set<unknown>): unknown {
  if (schema && ADAPTER in schema) {
    adapters.add(value)
    return value
  }
  if (Array.isArray(value)) return value.map(member => copyPlain(schema?.items, member, adapters))
  const { properties = {}, patternProperties = {} } = schema ?? {}
  // A Map has no members that a schema could see. Taken for a record it would be an empty one: rules that are there, and protect nothing.
  if (!isPlain(value)) return schema?.patternProperties && typeof value === 'object' ? null : value
  const [pattern] = Object.values(patternProperties)
  // An option that is passed as undefined is an option that was not passed.
  const present = Object.entries(value).filter(([, member]) => member !== undefined)
  return Object.fromEntries(
    present.map(([key, member]) => [
      key,
      copyPlain(Object.hasOwn(properties, key) ? properties[key] : pattern, member, adapters)
    ])
  )
}

// Writes into the copy. Where there are several shapes to choose from, it is the first that fits when its defaults are filled in.
function withDefaults(schema: AnySchema, given: unknown): unknown {
  const value = given === undefined && 'default' in schema ? copy(schema.default) : given
  const { properties, items, anyOf } = schema
  if (items && Array.isArray(value)) return value.map(member => withDefaults(items, member))
  if (anyOf) {
    for (const shape of anyOf) {
      const filled = withDefaults(shape, copy(value))
      if (conforms(shape, filled)) return filled
    }
  }
  if (!properties || !isPlain(value)) return value
  for (const [key, property] of Object.entries(properties)) {
    const member = withDefaults(property, value[key])
    if (member !== undefined) value[key] = member
  }
  return value
}

const copy = (value: unknown): unknown => copyPlain(undefined, value, new Set())

function freezePlain(value: unknown, adapters: ReadonlySet<unknown>): unknown {
  if (adapters.has(value) || !(Array.isArray(value) || isPlain(value))) return value
  for (const member of Object.values(value)) freezePlain(member, adapters)
  return Object.freeze(value)
}
