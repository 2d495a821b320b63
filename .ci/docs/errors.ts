/** Reference page of every error: what goes on the wire and what stops the boot. */
import { CONFIGURATION_ERRORS, OAUTH_ERRORS } from '../../packages/core/src/errors.ts'

export function errorsPage(): string {
  const wire = Object.entries(OAUTH_ERRORS).map(([code, { status, spec }]) => `| \`${code}\` | ${status} | ${spec} |`)
  const wiring = Object.entries(CONFIGURATION_ERRORS).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`)
  return `${[
    '# Errors',
    'Printed from `packages/core/src/errors.ts` by `pnpm run docs`.',
    '## On the wire',
    'Thrown as `OAuthError`, sent as `{ "error", "error_description" }`. The `reason` of such an error goes to the log only.',
    ['| error | status | defined in |', '| --- | --- | --- |', ...wire].join('\n'),
    'When storage, an issuer or a key set does not answer, the status is 503 with `Retry-After` and the error `temporarily_unavailable`: an outage is never told as a verdict about a token or a client.',
    '## At boot',
    'Thrown as `ConfigurationError` while plugins are registered; the message names the option.',
    ['| code | meaning |', '| --- | --- |', ...wiring].join('\n')
  ].join('\n\n')}\n`
}
