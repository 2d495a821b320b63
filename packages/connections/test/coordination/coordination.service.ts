import t from 'tap'
import { week } from './arrange.ts'
import { startFakeIssuer, startOidcIssuer, startOurIssuer } from './issuers.ts'

t.test(
  'item 29: a week, 50 people, 4 processes, three authorization servers, outages, lost answers, killed processes: nobody notices',
  async t => {
    const { findings, issuers, statuses, lost } = await week(t, {
      people: Number(process.env['COORDINATION_PEOPLE'] ?? 50),
      starters: [startFakeIssuer, startOurIssuer, startOidcIssuer]
    })
    t.comment(JSON.stringify({ ...findings, lost }))
    t.same(findings.wrongOwner, [], 'no token is used by anybody but its owner')
    t.same(findings.needless, [], 'nobody is asked to connect again')
    t.same(lost, [], 'no process gives a connection up')
    t.same(findings.unexplained, [], 'nothing else goes wrong')
    for (const issuer of issuers) t.equal(await issuer.reuses(), 0, `${issuer.name}: no refresh token came twice`)
    t.same([...new Set(statuses)], ['active'], 'all are connected at the end')
    t.ok(findings.outages > 0, 'there were outages')
    t.ok(findings.kills > 0 && findings.restarts > 0, 'processes ended, with a word and without')
    t.ok(findings.refreshes > statuses.length, 'tokens were refreshed all the week')
  }
)
