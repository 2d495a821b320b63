/** Correctness only: a contender that lets everybody in, or nobody, would win every race. How fast they are is never tested. */
import t from 'tap'
import type { Issuing } from '../authorization-server/issuing.ts'
import { disprove as disproveIssuing } from '../authorization-server/proof.ts'
import * as issuing from '../authorization-server/suite.ts'
import type { Contender } from '../contender.ts'
import { startIssuer } from '../resource-server/issuer.ts'
import { disprove as disproveProtection } from '../resource-server/proof.ts'
import { ALGORITHMS, type Protection } from '../resource-server/protection.ts'
import * as protection from '../resource-server/suite.ts'

async function load<Settings>(file: URL): Promise<Contender<Settings>> {
  return (await import(file.href)).contender
}

for (const algorithm of ALGORITHMS) {
  t.test(`${algorithm}: every contender lets holders of a good token in, and nobody else`, async t => {
    const issuer = await startIssuer(algorithm)
    t.teardown(() => issuer.close())
    for (const name of protection.CONTENDERS) {
      const contender = await load<Protection>(protection.contenderFile(name))
      const server = await contender.start(issuer.protection)
      if (!server) {
        t.match([name, algorithm], ['fastify-mcp-auth', 'HS256'], `${name} does not know ${algorithm}`)
        continue
      }
      const complaints = await disproveProtection(server.port, issuer)
      await server.close()
      if (name === 'bare-fastify') t.equal(complaints.length, 7, 'the proof notices a server that checks nothing')
      else t.same(complaints, [], name)
    }
  })
}

t.test('every issuing contender goes from a request to tokens that verify, and refuses what it must', async t => {
  for (const name of issuing.CONTENDERS) {
    const contender = await load<Issuing>(issuing.contenderFile(name))
    const settings = issuing.issuingOn(await issuing.freePort())
    const server = await contender.start(settings)
    t.ok(server, `${name} starts`)
    t.same(await disproveIssuing(settings), [], name)
    await server?.close()
  }
})
