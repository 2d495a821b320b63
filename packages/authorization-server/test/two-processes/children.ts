/** Starts processes of `process.ts`, hears what they tell, and ends them. */
import { type ChildProcess, fork } from 'node:child_process'
import type { Test } from 'tap'
import type { ToldEvent } from './history.ts'

interface Message {
  event?: ToldEvent
  address?: string
  done?: true
}

/** What a process is told: place and prefix of the tables, the key of encryption, the issuer. */
export type Arguments = [url: string, tablePrefix: string, key: string, issuer: string]

/** @returns where it listens, and how to end it when everything it has to tell was heard */
export async function start(
  t: Test,
  args: Arguments,
  events: ToldEvent[] = []
): Promise<{ address: string; stop(): Promise<void> }> {
  const child: ChildProcess = fork(new URL('./process.ts', import.meta.url), args, { execArgv: process.execArgv })
  t.teardown(() => child.kill())
  const ended = new Promise<never>((_, reject) => child.once('exit', code => reject(new Error(`exit ${code}`))))
  ended.catch(() => undefined)
  const heard = <K extends 'address' | 'done'>(name: K) =>
    new Promise<NonNullable<Message[K]>>(resolve =>
      child.on('message', (message: Message) => {
        const value = message[name]
        if (value !== undefined) resolve(value)
      })
    )
  child.on('message', ({ event }: Message) => event && events.push(event))
  const done = heard('done')
  const address = await Promise.race([heard('address'), ended])
  return {
    address,
    async stop() {
      child.send('stop')
      await Promise.race([done, ended])
    }
  }
}
