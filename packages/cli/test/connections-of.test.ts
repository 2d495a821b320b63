/** Which of an app's members commands take for its connections. */
import t from 'tap'
import { connectionsOf } from '../src/connections.ts'

const NAMES = ['stats', 'rotateKeys', 'keyStatus', 'sweep', 'probe', 'diagnose', 'clientMetadata', 'jwks']
const connections = () => Object.fromEntries(NAMES.map(name => [name, () => undefined]))
const found = (app: object) => connectionsOf(app as Parameters<typeof connectionsOf>[0])

t.test('feature 4: connections are found by whatever name the app gave them', async t => {
  const [own, partners] = [connections(), connections()]
  t.equal(found({ partners, mcpConnections: own }), own)
  t.equal(found(Object.create({ mcpConnections: own })), own, 'of the scope around')
  t.equal(found({ text: 'x', nothing: null, partners }), partners)
  t.equal(found({ partners: { stats: () => undefined } }), null)
  const getter = Object.defineProperty({}, 'other', { get: () => t.fail('a getter of the app was called') })
  t.equal(found(getter), null)
})
