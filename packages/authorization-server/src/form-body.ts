/**
 * Form bodies and query strings as OAuth means them: every parameter at most once, an empty one counts as absent.
 *
 * @see RFC 6749 sections 3.1 and 3.2
 */
import { OAuthError } from '@fastify-mcp-auth/core'

/** Parameters by name. `resource` may be repeated (RFC 8707 section 2); the same value twice counts once. */
export type Form = { readonly [name: string]: string | undefined }

const MAX_LENGTH = 8192

/** Short enough to be kept, and text that every database keeps as it is: no NUL, no half characters. */
export function isParameterValue(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_LENGTH && !/[\0\p{Cs}]/u.test(value)
}

/**
 * @param source what the parser made of a body or query: repeated names are arrays
 * @throws OAuthError `invalid_request` naming the parameter that is repeated, too long or no text
 */
export function readForm(source: unknown): Form {
  const form: Record<string, string> = Object.create(null) as Record<string, string>
  if (typeof source !== 'object' || source === null) return form
  for (const [name, value] of Object.entries(source)) {
    const single = name === 'resource' && Array.isArray(value) ? onlyResource(value) : value
    if (typeof single !== 'string')
      throw new OAuthError('invalid_request', `${nameable(name)} must not be repeated`, {
        reason: 'repeated_parameter'
      })
    if (!isParameterValue(single))
      throw new OAuthError('invalid_request', `${nameable(name)} is too long or has a character that is not allowed`)
    if (single !== '') form[name] = single
  }
  return form
}

function onlyResource(values: unknown[]): unknown {
  const [only = '', ...others] = new Set(values.filter(value => value !== ''))
  if (others.length === 0) return only
  throw new OAuthError('invalid_target', 'one grant is for one resource', { reason: 'several_resources' })
}

const nameable = (name: string): string => (/^[a-z_]{1,40}$/.test(name) ? name : 'a parameter')
