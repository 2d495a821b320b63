import t from 'tap'
import { settableClock } from '../src/index.ts'
import { startWorkers } from '../src/workers/pool.ts'

t.test('processes do jobs, follow the clock, are killed in the middle and replaced', async t => {
  const clock = settableClock(1000)
  const url = new URL('./worker-fixture.ts', import.meta.url)
  const pool = await startWorkers({ url, processes: 2, settings: { greeting: 'hello' }, clock })
  t.teardown(() => pool.close())

  t.same(await pool.run('greet', 'alice'), { text: 'hello alice', now: 1000 })
  pool.setTime(2000)
  t.equal(clock.now(), 2000)
  t.same(await pool.run('greet', 'bob', 1), { text: 'hello bob', now: 2000 })
  const [first, second] = await Promise.all([pool.run('pid', null), pool.run('pid', null)])
  t.not(first, second, 'they take turns')

  await t.rejects(pool.run('fail', null), { code: 'NO_LUCK', reason: 'bad', message: 'no luck' })
  await t.rejects(pool.run('nothing', null), /no job is called nothing/)
  await t.rejects(pool.run('constructor', null), /no job/)

  const victim = await pool.run('pid', null, 0)
  const hanging = pool.run('hang', null, 0)
  const [outcome] = await Promise.all([hanging.catch((error: unknown) => error), pool.kill(0)])
  t.match(outcome, { code: 'WORKER_GONE' })
  t.same(await Promise.all([pool.run('place', null, 0), pool.run('place', null, 1)]), [0, 1], 'in the same place')
  t.not(await pool.run('pid', null, 0), victim)
  t.same(await pool.run('greet', 'carol', 0), { text: 'hello carol', now: 2000 }, 'the new one knows the time')

  const killing = pool.kill(0)
  const meanwhile = pool.run('pid', null, 0)
  await t.rejects(meanwhile, { code: 'WORKER_GONE' })
  await t.rejects(pool.run('pid', null, 0), { code: 'WORKER_GONE' }, 'nobody is there until the next one is ready')
  await killing

  const before = await pool.run('pid', null, 1)
  await pool.restart(1)
  t.not(await pool.run('pid', null, 1), before)
})
