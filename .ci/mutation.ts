/**
 * Changes the code that decides about tokens, one small change at a time, and looks whether a test notices. What nobody noticed is printed.
 *
 *   node .ci/mutation.ts [name ...]     a name is that of a source file without its ending; all of them take a quarter of an hour
 *
 * Stryker makes the changes (settings in `.config/stryker.json`). Here is only which tests are to notice what: a test that takes seconds and
 * knows nothing of a file is not worth running for each of its changes. Texts are not changed, since most are messages.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'

/** Source under `packages/resource-server/src` and the tests under `packages/resource-server/test`, the likeliest to notice first. */
const TESTS: Record<string, readonly string[]> = {
  'operations.ts': ['operation-rules', 'operations', 'uri-spellings'],
  'verifiers/api-keys.ts': ['verifiers/opaque'],
  'verifiers/breaker.ts': ['verifiers/introspection-breaker'],
  'verifiers/chain.ts': ['verifiers/opaque'],
  'verifiers/claims.ts': ['verifiers/profile'],
  'verifiers/client-authentication.ts': ['verifiers/client-authentication', 'verifiers/introspection'],
  'verifiers/hmac.ts': ['verifiers/verifier-options', 'verifiers/hmac'],
  'verifiers/introspection.ts': [
    'verifiers/verifier-options',
    'verifiers/introspection',
    'verifiers/introspection-breaker',
    'verifiers/introspection-jwt'
  ],
  'verifiers/introspection-endpoint.ts': ['verifiers/introspection', 'verifiers/introspection-breaker'],
  'verifiers/introspection-jwt.ts': ['verifiers/introspection-jwt'],
  'verifiers/introspection-response.ts': ['verifiers/introspection-response'],
  'verifiers/issuer-discovery.ts': ['verifiers/issuer-discovery', 'health'],
  'verifiers/issuer-keys.ts': ['health', 'verifiers/jwt', 'verifiers/jwks'],
  'verifiers/jwt.ts': ['verifiers/verifier-options', 'verifiers/lenient', 'verifiers/jwt'],
  'verifiers/jwt-verifier.ts': [
    'verifiers/known-headers',
    'verifiers/jwt',
    'verifiers/lenient',
    'verifiers/token-cache',
    'verifiers/chain'
  ],
  'verifiers/listeners.ts': ['verifiers/introspection'],
  'verifiers/local.ts': ['verifiers/local', 'verifiers/chain'],
  'verifiers/mac.ts': ['verifiers/mac'],
  'verifiers/opaque.ts': ['verifiers/opaque'],
  'verifiers/profile.ts': ['verifiers/profile', 'verifiers/lenient'],
  'verifiers/shared-secret.ts': ['verifiers/shared-secret'],
  'verifiers/sightings.ts': ['verifiers/recent-tokens', 'verifiers/token-cache'],
  'verifiers/signature.ts': ['verifiers/signature', 'verifiers/jwks'],
  'verifiers/signed-token.ts': ['verifiers/signed-token'],
  'verifiers/token-cache.ts': ['verifiers/recent-tokens', 'verifiers/token-cache']
}

const PLACE = 'packages/resource-server'
const FOLDER = '.tap/mutation'

interface Mutant {
  readonly status: string
  readonly mutatorName: string
  readonly replacement: string
  readonly location: { readonly start: { readonly line: number } }
}

interface Score {
  readonly source: string
  readonly noticed: number
  readonly survivors: readonly Mutant[]
}

const wanted = process.argv.slice(2)
const sources = Object.keys(TESTS).filter(source => wanted.length === 0 || wanted.includes(basename(source, '.ts')))
if (sources.length === 0) throw new Error(`none of ${Object.keys(TESTS).join(', ')}`)
mkdirSync(FOLDER, { recursive: true })
const scores = sources.map(mutate)
const noticed = scores.reduce((sum, score) => sum + score.noticed, 0)
const survived = scores.reduce((sum, { survivors }) => sum + survivors.length, 0)
console.log(`${noticed} of ${noticed + survived} changes noticed, ${percent(noticed, survived)} %`)

function mutate(source: string): Score {
  const base = JSON.parse(readFileSync('.config/stryker.json', 'utf8'))
  const files = (TESTS[source] ?? []).map(name => `${PLACE}/test/${name}.test.ts`)
  const config = { ...base, tests: { files }, mutate: [`${PLACE}/src/${source}`] }
  writeFileSync(`${FOLDER}/stryker.json`, JSON.stringify(config))
  const run = spawnSync('stryker', ['run', `${FOLDER}/stryker.json`, '--logLevel', 'warn'], { encoding: 'utf8' })
  if (run.status !== 0) throw new Error(`${source}: ${run.stdout}${run.stderr}`)
  const report = JSON.parse(readFileSync(base.jsonReporter.fileName, 'utf8'))
  const mutants: Mutant[] = report.files[`${PLACE}/src/${source}`].mutants
  const survivors = mutants.filter(({ status }) => status === 'Survived' || status === 'NoCoverage')
  const noticed = mutants.filter(({ status }) => status === 'Killed' || status === 'Timeout').length
  console.log(`${source}: ${noticed} of ${noticed + survivors.length}, ${percent(noticed, survivors.length)} %`)
  for (const { location, mutatorName, replacement } of survivors)
    console.log(`  ${location.start.line} ${mutatorName}: ${replacement.replace(/\s+/g, ' ').slice(0, 120)}`)
  return { source, noticed, survivors }
}

function percent(noticed: number, survived: number): string {
  return ((100 * noticed) / Math.max(1, noticed + survived)).toFixed(1)
}
