/** A storage through which one process looks, for tests of what it does about the leases of others. */
import { EventEmitter, once } from 'node:events'
import type { StorageDriver } from '@fastify-mcp-auth/core'

export interface Onlooker {
  readonly storage: StorageDriver
  /** Until it has read a lease three times more: a use reads twice before it judges what it has read, and then again and again. */
  looks(): Promise<void>
}

/** @param isLease what counts; by default that somebody is refreshing a connection */
export function onlooker(
  inner: StorageDriver,
  isLease = (record: { readonly [field: string]: unknown }): boolean => typeof record['leaseHolder'] === 'string'
): Onlooker {
  const met = new EventEmitter()
  const storage: StorageDriver = {
    ...inner,
    async get(collection, key) {
      const record = await inner.get(collection, key)
      if (record && isLease(record)) met.emit('lease')
      return record
    }
  }
  return {
    storage,
    async looks() {
      for (let time = 0; time < 3; time++) await once(met, 'lease')
    }
  }
}

export interface Stoppable {
  readonly storage: StorageDriver
  /** Until a token has come that is going to be kept. */
  readonly hasAsked: Promise<unknown>
  /** Until a failure is going to be kept. */
  readonly hasFailed: Promise<unknown>
  /** Lets it go on. Without that the process is as good as dead. */
  goOn(): void
}

/** The storage of a process that stops between the answer of the authorization server and the keeping of what it says. */
export function stoppable(inner: StorageDriver): Stoppable {
  const steps = new EventEmitter()
  const mayGoOn = once(steps, 'go on')
  const storage: StorageDriver = {
    ...inner,
    async update(...args) {
      const kept = args[3]
      const step = 'generation' in kept ? 'asked' : 'failures' in kept ? 'failed' : null
      if (step !== null) {
        steps.emit(step)
        await mayGoOn
      }
      return inner.update(...args)
    }
  }
  return {
    storage,
    hasAsked: once(steps, 'asked'),
    hasFailed: once(steps, 'failed'),
    goOn: () => void steps.emit('go on')
  }
}
