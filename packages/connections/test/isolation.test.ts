/** Owners, servers and accounts in any order and all at once: whoever asks gets his own, or nothing. */
import fc from 'fast-check'
import t from 'tap'
import type { Owner } from '../src/index.ts'
import { placeOf } from '../src/owner.ts'
import { createWorld } from './world.ts'

const text = fc.oneof(fc.constantFrom('a', 'b', 'a:b', 'a","b', '', 'A', '\u0000'), fc.string({ maxLength: 4 }))
const ownerOf = fc.record(
  { type: fc.constantFrom('user' as const, 'agent' as const), id: text, agent: text, tenant: text },
  { requiredKeys: ['type', 'id'] }
)

t.test('item 34: two owners that differ in anything that counts never have one place', async t => {
  const modes = ['per-user', 'per-agent', 'per-user-agent', 'shared'] as const
  const place = (owner: Owner, mode: (typeof modes)[number], server: string, account: string) => {
    try {
      return placeOf({ owner, server, account }, { mode })
    } catch {
      return null
    }
  }
  const relevant = (owner: Owner, mode: (typeof modes)[number]): unknown[] => {
    const agent = owner.type === 'agent' ? owner.id : owner.agent
    const who = { shared: [], 'per-user': [owner.id], 'per-agent': [agent], 'per-user-agent': [owner.id, owner.agent] }[
      mode
    ]
    return [owner.tenant ?? null, ...who]
  }
  const server = fc.constantFrom('s', 't')
  const account = fc.constantFrom('default', 'x')
  fc.assert(
    fc.property(
      ownerOf,
      ownerOf,
      fc.constantFrom(...modes),
      server,
      server,
      account,
      account,
      (a, b, mode, s1, s2, a1, a2) => {
        const [one, two] = [place(a, mode, s1, a1), place(b, mode, s2, a2)]
        if (!one || !two) return
        const isSame = JSON.stringify([relevant(a, mode), s1, a1]) === JSON.stringify([relevant(b, mode), s2, a2])
        if ((one.id === two.id) !== isSame) throw new Error(`${JSON.stringify([a, b, mode])}`)
      }
    ),
    { numRuns: 2000 }
  )
  t.pass('2000 pairs')
})

t.test('item 34: random interleavings of owners, accounts, refreshes and ends', async t => {
  const world = await createWorld(t, { issuer: { behaviour: { accessTokenLifetime: 120 } } })
  const { connections, clock } = world
  const owners: Owner[] = ['u1', 'u2', 'u3'].flatMap(id => [
    { type: 'user', id },
    { type: 'user', id, tenant: 'acme' }
  ])
  // Who signed in over there: another account of the same person is another subject.
  const subjects = new Map<string, string>()
  const keyOf = (owner: Owner, account: string): string => JSON.stringify([owner.id, owner.tenant, account])
  const connect = async (owner: Owner, account: string): Promise<void> => {
    const subject = `${owner.id}-${owner.tenant ?? 'none'}-${account}`
    const { url } = await connections.start(owner, 'notes', { binding: 'b'.repeat(20), account })
    const { walkAuthorization } = await import('@fastify-mcp-auth/testing/servers')
    const params = await walkAuthorization(url, { username: subject })
    await connections.complete({ params, binding: 'b'.repeat(20), owner })
    subjects.set(keyOf(owner, account), subject)
  }
  const ask = async (owner: Owner, account: string): Promise<void> => {
    const expected = subjects.get(keyOf(owner, account))
    const call = connections.withClient(owner, 'notes', c => c.callTool({ name: 'whoami' }), { account })
    const answer = await call.catch((error: { code: string }) => error.code)
    if (expected === undefined) t.equal(answer, 'MCP_NOT_CONNECTED')
    else t.match(answer, { content: [{ text: expected }] })
  }
  let seed = 7
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((seed / 2_147_483_648) * below)
  }
  for (let round = 0; round < 12; round++) {
    const owner = owners[random(owners.length)] as Owner
    const account = random(2) === 0 ? 'default' : 'second'
    const isEnd = random(4) === 0
    if (isEnd) {
      await connections.disconnect(owner, 'notes', { account })
      subjects.delete(keyOf(owner, account))
    } else await connect(owner, account)
    clock.advance(random(100))
    await Promise.all(owners.flatMap(each => ['default', 'second'].map(which => ask(each, which))))
  }
})
