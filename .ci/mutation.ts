/**
 * Changes the code that decides about tokens, one small change at a time, and looks whether a test notices. What nobody noticed is printed.
 *
 *   node .ci/mutation.ts [name ...]     a name is that of a source file without its ending; all of them take half an hour
 *
 * Stryker makes the changes (settings in `.config/stryker.json`). Here is only which tests are to notice what: a test that takes seconds and
 * knows nothing of a file is not worth running for each of its changes. Texts are not changed, since most are messages.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'

/** By package: source under its `src`, and the tests under its `test` that are the likeliest to notice first. */
const PACKAGES: Record<string, Record<string, readonly string[]>> = {
  'authorization-server': {
    'assertions/assertion.ts': ['clients/client-assertion', 'grants/id-jag', 'grants/workload'],
    'assertions/trusted-issuers.ts': ['grants/jwt-bearer', 'grants/id-jag', 'grants/workload'],
    'clients/app-client.ts': ['clients/app-client'],
    'clients/authenticate.ts': [
      'clients/authenticate',
      'clients/client-assertion',
      'endpoints/pushed-authorization',
      'events'
    ],
    'clients/client-assertion.ts': ['clients/client-assertion'],
    'clients/client-secret.ts': ['clients/authenticate', 'clients/administration'],
    'clients/credentials.ts': ['clients/credentials', 'clients/authenticate'],
    'clients/redirect-uris.ts': ['clients/redirect-uris'],
    'grants/authorization-code.ts': ['grants/authorization-code', 'grants/device-code'],
    'grants/id-jag.ts': ['grants/id-jag', 'grants/recent-revocations'],
    'grants/own-name.ts': ['grants/client-credentials'],
    'grants/recent-revocations.ts': ['grants/recent-revocations'],
    'grants/refresh-token.ts': ['grants/refresh-token', 'events'],
    'grants/single-token.ts': ['grants/recent-revocations', 'grants/client-credentials', 'grants/id-jag'],
    'grants/workload.ts': ['grants/workload', 'grants/jwt-bearer']
  },
  core: {
    'mac.ts': ['mac'],
    'pkce.ts': ['pkce'],
    'redirect-uri.ts': ['redirect-uri']
  },
  'resource-server': {
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
}

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
const subjects = Object.entries(PACKAGES).flatMap(([name, tests]) =>
  Object.entries(tests).map(([source, files]) => ({ place: `packages/${name}`, source, files }))
)
const chosen = subjects.filter(({ source }) => wanted.length === 0 || wanted.includes(basename(source, '.ts')))
if (chosen.length === 0) throw new Error(`none of ${subjects.map(({ source }) => source).join(', ')}`)
mkdirSync(FOLDER, { recursive: true })
const scores = chosen.map(mutate)
const noticed = scores.reduce((sum, score) => sum + score.noticed, 0)
const survived = scores.reduce((sum, { survivors }) => sum + survivors.length, 0)
console.log(`${noticed} of ${noticed + survived} changes noticed, ${percent(noticed, survived)} %`)

function mutate({ place, source, files }: (typeof subjects)[number]): Score {
  const base = JSON.parse(readFileSync('.config/stryker.json', 'utf8'))
  const tests = { files: files.map(name => `${place}/test/${name}.test.ts`) }
  const config = { ...base, tests, mutate: [`${place}/src/${source}`] }
  writeFileSync(`${FOLDER}/stryker.json`, JSON.stringify(config))
  const run = spawnSync('stryker', ['run', `${FOLDER}/stryker.json`, '--logLevel', 'warn'], { encoding: 'utf8' })
  if (run.status !== 0) throw new Error(`${source}: ${run.stdout}${run.stderr}`)
  const report = JSON.parse(readFileSync(base.jsonReporter.fileName, 'utf8'))
  const mutants: Mutant[] = report.files[`${place}/src/${source}`].mutants
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
