import t from 'tap'
import { systemClock } from '../src/clock.ts'

t.test('RFC 7519 2: NumericDate in whole seconds', async t => {
  const now = systemClock.now()
  t.ok(Number.isInteger(now))
  t.ok(now > 1_700_000_000 && now < 100_000_000_000, 'seconds, not milliseconds')
  t.ok(Object.isFrozen(systemClock))
})
