/**
 * Runs the official conformance suite for authorization servers against examples/all-in-one, and plays the person whom it asks to
 * open a URL, for every revision of the specification; then that for clients against `createConnections()`. Closes with `N passed, N failed`; a warning or a
 * skipped scenario of the suite counts as a failure.
 *
 *   node --conditions=@fastify-mcp-auth/source .ci/conformance.ts
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { buildApp } from '../examples/all-in-one/app.ts'
import { readConfig } from '../examples/all-in-one/config.ts'
import { createBrowser, fetchTransport, visitAuthorization } from '../packages/testing/src/index.ts'
import { runClientScenarios } from './conformance-client.ts'
import { freePort } from './free-port.ts'

const SUITE = 'examples/all-in-one/node_modules/@modelcontextprotocol/conformance/dist/index.js'
/** Those that the suite knows. */
const REVISIONS = ['2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28']
/** In each of them. */
const SCENARIOS = 2

interface Check {
  id: string
  status: string
  errorMessage?: string
}

const folder = mkdtempSync(join(tmpdir(), 'conformance-'))
const config = readConfig({ PORT: String(await freePort()), DATABASE_URL: 'memory:' })
const app = await buildApp(config)
await app.listen({ host: config.host, port: config.port })

const settings = { url: config.publicUrl, clientId: 'demo-cli', resource: `${config.publicUrl}/mcp` }
writeFileSync(join(folder, 'settings.json'), JSON.stringify(settings))
let passed = 0
let failed = 0
for (const revision of REVISIONS) {
  const exitCode = await runSuite(await freePort(), revision)
  const checks = readChecks(revision)
  for (const { id, status, errorMessage } of checks) console.log(`${revision} ${status} ${id} ${errorMessage ?? ''}`)
  const good = checks.filter(({ status }) => status === 'SUCCESS').length
  // Checks that are missing are failures, too: a suite that stops half-way must not look green.
  passed += good
  failed += checks.length - good + Math.max(0, SCENARIOS - checks.length) + (exitCode === 0 ? 0 : 1)
}
await app.close()
rmSync(folder, { recursive: true, force: true })
const client = await runClientScenarios(SUITE)
passed += client.passed
failed += client.failed
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)

/** @param port where the suite waits for the browser; any will do, because the client's redirect URI is on loopback */
async function runSuite(port: number, revision: string): Promise<number> {
  const file = join(folder, 'settings.json')
  const output = ['-o', join(folder, revision), '--spec-version', revision]
  const suite = spawn(process.execPath, [SUITE, 'authorization', '--file', file, '-p', String(port), ...output], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const exit = once(suite, 'exit')
  for await (const line of createInterface({ input: suite.stdout })) {
    console.log(line)
    const url = line.trim()
    if (url.startsWith(`${config.publicUrl}/oauth/authorize?`)) await allow(url)
  }
  const [code] = await exit
  return typeof code === 'number' ? code : 1
}

/** Signs in, says yes, and follows the way back to the suite. */
async function allow(url: string): Promise<void> {
  const person = { username: 'alice', password: 'wonderland' }
  const page = await visitAuthorization(createBrowser(fetchTransport()), url, person)
  if (page.leavesTo === null) throw new Error(`the browser was not sent back: status ${page.statusCode}`)
  const response = await fetch(page.leavesTo)
  await response.body?.cancel()
}

function readChecks(revision: string): Check[] {
  const results = globSync(`${revision}/**/checks.json`, { cwd: folder })
  return results.flatMap(file => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Check[])
}
