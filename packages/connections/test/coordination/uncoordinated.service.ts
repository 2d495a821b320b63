/** The negative control: what the coordination is for. */
import t from 'tap'
import { week } from './arrange.ts'
import { startOidcIssuer } from './issuers.ts'

t.test('item 29: without coordination the same processes lose connections, though nothing fails', async t => {
  const { findings, issuers, lost } = await week(t, { people: 6, uncoordinated: true, starters: [startOidcIssuer] })
  t.comment(JSON.stringify({ ...findings, lost }))
  const [issuer] = issuers
  t.ok(((await issuer?.reuses()) ?? 0) > 0, 'a refresh token came twice')
  t.ok(findings.needless.length > 0, 'people are asked to connect again')
})
