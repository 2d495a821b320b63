/** Ten processes that start at the same moment on an empty database: one migration, one key of each kind: for access tokens, and for ID tokens. */
import type { Test } from 'tap'
import type { Engine } from './engines.ts'
import { clusterOn } from './whole-story.ts'

const PROCESSES = 10

/** @param place what the processes share; fresh */
export async function startTenAtOnce(t: Test, place: (t: Test) => Promise<Engine>): Promise<void> {
  const { running, lines } = await clusterOn(t, await place(t), PROCESSES)
  t.equal(running().length, PROCESSES, 'all of them serve')
  const sets = await Promise.all(
    running().map(async ({ origin }) => (await fetch(`${origin}/.well-known/jwks.json`)).text())
  )
  t.equal(new Set(sets).size, 1, 'they publish the same')
  const { keys } = JSON.parse(sets[0] ?? '{}') as { keys: { alg: string }[] }
  t.strictSame(keys.map(({ alg }) => alg).toSorted(), ['ES256', 'RS256'], 'and that is one key for each algorithm')
  t.strictSame(
    lines.filter(line => /"level":(40|50|60)/.test(line)),
    [],
    'nobody complains'
  )
}
