/** Reference page of every error: what goes on the wire, what stops the boot, what code may have to handle. */
import { globSync, readFileSync } from 'node:fs'
import { MCP_CONNECTION_ERRORS } from '../../packages/connections/src/errors.ts'
import { CONFIGURATION_ERRORS, OAUTH_ERRORS } from '../../packages/core/src/errors.ts'

/** Codes of errors that are thrown while the app serves. Held against the source below. */
const AT_RUN_TIME: Record<string, string> = {
  FST_OAUTH_UNAVAILABLE: '`UnavailableError`: storage, an issuer or a key set does not answer. Becomes a 503.',
  FST_OAUTH_FETCH_REFUSED:
    '`FetchRefusedError`: safe fetch will not fetch this URL or not use its answer; `reason` says why. The authorization server turns it into an error page.',
  FST_OAUTH_REFUSED:
    '`RefusedRequestError`: the resource server refuses the request whoever sends it (foreign `Host` or `Origin`, a header that contradicts the body, a body that cannot be read). Becomes a 400 or 403 with a JSON-RPC error.'
}

export function errorsPage(): string {
  assertComplete()
  const wire = Object.entries(OAUTH_ERRORS).map(([code, { status, spec }]) => `| \`${code}\` | ${status} | ${spec} |`)
  return `${[
    '# Errors',
    'Printed from the error catalogues by `pnpm run docs`, which fails when a code is missing here.',
    '## On the wire',
    'Thrown as `OAuthError`, sent as `{ "error", "error_description" }`. The `reason` of such an error goes to the log only.',
    ['| error | status | defined in |', '| --- | --- | --- |', ...wire].join('\n'),
    'When storage, an issuer or a key set does not answer, the status is 503 with `Retry-After` and the error `temporarily_unavailable`: an outage is never told as a verdict about a token or a client. A limit per address is told as 429 with the same error.',
    '## At boot',
    'Thrown as `ConfigurationError` while plugins are registered; the message names the option.',
    meanings(CONFIGURATION_ERRORS),
    '## While serving',
    meanings(AT_RUN_TIME),
    '## Of connections',
    '`McpConnectionError` of @fastify-mcp-auth/connections. Who has to act: the person at `actionUrl`, nobody because it may pass, or the operator.',
    connectionErrors()
  ].join('\n\n')}\n`
}

function meanings(codes: Readonly<Record<string, string>>): string {
  return [
    '| code | meaning |',
    '| --- | --- |',
    ...Object.entries(codes).map(([code, text]) => `| \`${code}\` | ${text} |`)
  ].join('\n')
}

function connectionErrors(): string {
  const rows = Object.entries(MCP_CONNECTION_ERRORS).map(
    ([code, { status, action, text }]) => `| \`${code}\` | ${status} | ${action} | ${text} |`
  )
  return ['| code | status | who acts | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

function assertComplete(): void {
  const known = new Set([...Object.keys(CONFIGURATION_ERRORS), ...Object.keys(AT_RUN_TIME)])
  const sources = globSync('packages/*/src/**/*.ts').map(file => readFileSync(file, 'utf8'))
  const used = new Set(sources.flatMap(source => source.match(/FST_OAUTH_[A-Z_]+/g) ?? []))
  const missing = [...used].filter(code => !known.has(code))
  const gone = [...known].filter(code => !used.has(code))
  if (missing.length + gone.length > 0) throw new Error(`error codes: not documented ${missing}; not used ${gone}`)
}
