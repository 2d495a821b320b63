/** The official conformance suite for clients, scenario by scenario, against `createConnections()`. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'

const CLIENT = 'packages/connections/test/conformance/client.ts'
/** All that are about authorization, extensions included. */
const SCENARIOS = 33
const TIMEOUT_MS = 60_000

/**
 * Runs each scenario with a client process of its own. A failed check, a warning, a client that ends with an error where the scenario
 * does not expect one, and a time-out all count as a failure, and so do scenarios that the suite does not have any more.
 *
 * @param suite path of the suite's program
 * @param only names of scenarios, such as `auth/dpop`; all when empty
 */
export async function runClientScenarios(
  suite: string,
  only: readonly string[] = []
): Promise<{ passed: number; failed: number }> {
  const list = execFileSync(process.execPath, [suite, 'list'], { encoding: 'utf8' })
  const all = [...list.matchAll(/^ {2}- (auth\/\S+)/gm)].map(([, name = '']) => name)
  const names = only.length > 0 ? all.filter(name => only.includes(name)) : all
  const counts = { passed: 0, failed: only.length > 0 ? 0 : Math.max(0, SCENARIOS - all.length) }
  const queue = names.values()
  await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      for (const name of queue) {
        const { code, output } = await runScenario(suite, name)
        if (code === 0) counts.passed++
        else counts.failed++
        console.log(code === 0 ? `client SUCCESS ${name}` : `${output}\nclient FAILURE ${name}`)
      }
    })
  )
  return counts
}

async function runScenario(suite: string, name: string): Promise<{ code: number; output: string }> {
  const command = `${process.execPath} --conditions=@fastify-mcp-auth/source ${CLIENT}`
  const args = [suite, 'client', '--scenario', name, '--timeout', String(TIMEOUT_MS), '--command', command]
  // Two processes for each scenario, which share what Node made of the source.
  const env = { ...process.env, NODE_COMPILE_CACHE: resolve('node_modules/.cache/compiled') }
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env })
  const chunks: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => chunks.push(chunk))
  const [code] = await once(child, 'close')
  return { code: typeof code === 'number' ? code : 1, output: Buffer.concat(chunks).toString('utf8') }
}
