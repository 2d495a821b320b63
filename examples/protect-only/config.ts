/** Options from the environment. */
import { isConfigurationError } from '@fastify-mcp-auth/core'
import { jwt, type ResourceServerOptions } from '@fastify-mcp-auth/resource-server'

/** Which variable an option comes from. */
const VARIABLES: Record<string, string> = {
  resource: 'RESOURCE',
  issuer: 'ISSUER',
  jwksUri: 'JWKS_URI',
  profile: 'TOKEN_PROFILE',
  clockTolerance: 'CLOCK_TOLERANCE',
  allowedOrigins: 'ALLOWED_ORIGINS'
}

/** A variable that is not set leaves the option to its default. @throws ConfigurationError for what `jwt()` does not take */
export function readOptions(env: NodeJS.ProcessEnv): ResourceServerOptions {
  const given = (option: string, value: unknown): object => (value === undefined ? {} : { [option]: value })
  const number = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text))
  return {
    resource: env['RESOURCE'] ?? '',
    verify: jwt({
      issuer: env['ISSUER'] ?? '',
      ...given('jwksUri', env['JWKS_URI']),
      ...given('profile', env['TOKEN_PROFILE']),
      ...given('clockTolerance', number(env['CLOCK_TOLERANCE']))
    }),
    ...given(
      'allowedOrigins',
      env['ALLOWED_ORIGINS']?.split(',').map(origin => origin.trim())
    )
  }
}

/** What stopped the boot, in terms of variables; null when it was something else. */
export function explain(error: unknown): string | null {
  if (!isConfigurationError(error)) return null
  const option = Object.keys(VARIABLES).find(name => new RegExp(`"${name}[".]`).test(error.message))
  return option === undefined ? error.message : `${VARIABLES[option]}: ${error.message}`
}
