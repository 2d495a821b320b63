import type { WorkerModule } from '../src/workers/pool.ts'

export const open: WorkerModule['open'] = ({ clock, settings, place }) => {
  const { greeting } = settings as { greeting: string }
  return {
    jobs: {
      greet: (name: string) => ({ text: `${greeting} ${name}`, now: clock.now() }),
      pid: () => process.pid,
      place: () => place,
      hang: () => new Promise(() => undefined),
      fail: () => {
        throw Object.assign(new Error('no luck'), { code: 'NO_LUCK', reason: 'bad' })
      }
    },
    close: () => undefined
  }
}
