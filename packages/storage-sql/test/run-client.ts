/** The client of a database, as somebody at a terminal would use it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** @throws with what the client said, when it did not like the script */
export async function runClient(name: string, args: readonly string[], script: string): Promise<void> {
  const client = spawn(name, args, { stdio: ['pipe', 'ignore', 'pipe'] })
  const errors: Buffer[] = []
  client.stderr.on('data', chunk => errors.push(chunk))
  client.stdin.end(script)
  const [code] = await once(client, 'close')
  if (code !== 0) throw new Error(`${name}: ${Buffer.concat(errors)}`)
}
