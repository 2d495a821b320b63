import t from 'tap'
import { alice, BINDING, createWorld } from './world.ts'

t.test(
  '36352 of dify: a server that greets everybody and wants a token for the rest is asked for the rest',
  async t => {
    for (const sessions of [true, false]) {
      const world = await createWorld(t, {
        server: {
          behaviour: {
            publicMethods: ['initialize'],
            challengeScope: 'notes:read',
            sessions,
            scopesSupported: ['other']
          }
        }
      })
      const { url } = await world.connections.start(alice, 'notes', { binding: BINDING })
      t.equal(new URL(url).searchParams.get('scope'), 'notes:read', 'the challenge counts, not the list of scopes')
      t.equal((await world.connect()).outcome, 'connected')
      t.equal(await world.whoami(), 'alice')
    }
  }
)
