/**
 * Form bodies and query strings as OAuth means them: every parameter at most once, an empty one counts as absent.
 *
 * @see RFC 6749 sections 3.1 and 3.2
 */
import { OAuthError } from '@fastify-mcp-auth/core'

/**
 * Parameters by name. `resource` may be repeated (RFC 8707 section 2): several stand in one string with a space between them, as
 * scopes do, because a URI has none.
 */
export type Form = { readonly [name: string]: string | undefined }

const MAX_LENGTH = 8192
const MAX_RESOURCES = 10

/** What most values are: quicker to find out than what is none of the others. */
const PLAIN = /^[ -~]*$/
const FORBIDDEN = /[\0\p{Cs}]/u

/** Short enough to be kept, and text that every database keeps as it is: no NUL, no half characters. */
export function isParameterValue(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_LENGTH && (PLAIN.test(value) || !FORBIDDEN.test(value))
}

/**
 * @param source what the parser made of a body or query: repeated names are arrays
 * @param anyText a parameter that may be any text: whether it is a token is for its endpoint to say
 * @throws OAuthError `invalid_request` naming the parameter that is repeated, too long or no text
 */
export function readForm(source: unknown, anyText?: string): Form {
  const form: Record<string, string> = Object.create(null) as Record<string, string>
  if (typeof source !== 'object' || source === null) return form
  for (const [name, value] of Object.entries(source)) {
    const single = name === 'resource' ? joinResources(value) : value
    if (typeof single !== 'string')
      throw new OAuthError('invalid_request', `${nameable(name)} must not be repeated`, {
        reason: 'repeated_parameter'
      })
    if (name !== anyText && !isParameterValue(single))
      throw new OAuthError('invalid_request', `${nameable(name)} is too long or has a character that is not allowed`)
    if (single !== '') form[name] = single
  }
  return form
}

/** What {@link readForm} joined; empty for a missing parameter. */
export const resourcesOf = (resource: string | undefined): string[] => resource?.split(' ') ?? []

function joinResources(value: unknown): unknown {
  if (typeof value === 'string' && !value.includes(' ')) return value
  const values: unknown[] = [...new Set([value].flat())].filter(one => one !== '')
  if (!values.every(one => typeof one === 'string')) return value
  if (values.some(one => one.includes(' ')))
    throw new OAuthError('invalid_target', 'resource must be an absolute http or https URI without fragment')
  if (values.length > MAX_RESOURCES)
    throw new OAuthError('invalid_target', `more than ${MAX_RESOURCES} resources`, { reason: 'too_many_resources' })
  return values.join(' ')
}

const nameable = (name: string): string => (/^[a-z_]{1,40}$/.test(name) ? name : 'a parameter')
