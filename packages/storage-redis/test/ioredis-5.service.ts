/** Needs Redis. The contract once more, with the ioredis that most apps still have. */
import { registerHooks } from 'node:module'
import t from 'tap'

const five = import.meta.resolve('ioredis-5')
registerHooks({ resolve: (name, context, next) => next(name === 'ioredis' ? five : name, context) })

const { Redis } = await import('ioredis')
t.equal(Redis, (await import('ioredis-5')).Redis)
await import('./suite/redis.ts')
