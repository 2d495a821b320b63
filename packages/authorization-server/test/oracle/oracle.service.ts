/** The same requests to this server and to oidc-provider, which is certified: their verdicts are the same, or the difference is explained. */
import t from 'tap'
import { CASES } from './cases/all.ts'
import { DIFFERENCES } from './differences.ts'
import { startSides } from './sides.ts'
import { verdictOf } from './verdict.ts'

const [ours, theirs] = await startSides(t)
const explained = new Map(DIFFERENCES.flatMap(({ cases }) => Object.entries(cases)))

for (const one of CASES)
  t.test(one.name, async t => {
    const verdicts = [verdictOf(ours, await one.run(ours)), verdictOf(theirs, await one.run(theirs))]
    const expected = explained.get(one.name) ?? [verdicts[0], verdicts[0]]
    t.same(verdicts, expected, explained.has(one.name) ? 'differs as explained' : 'the same')
  })

t.test('the comparison itself', async t => {
  const names = CASES.map(({ name }) => name)
  t.equal(new Set(names).size, names.length, 'every case has its own name')
  t.strictSame(
    [...explained.keys()].filter(name => !names.includes(name)),
    [],
    'every explanation is about a case'
  )
  for (const [name, [mine, other]] of explained) t.not(mine, other, `${name}: an explanation is about a difference`)
  t.equal(explained.size, DIFFERENCES.flatMap(({ cases }) => Object.keys(cases)).length, 'each is explained once')
})
