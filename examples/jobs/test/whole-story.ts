/** What both workers promise, whatever the queue: seen from outside, with real databases and a worker that is killed. */
import { sqlStorage } from '@fastify-mcp-auth/storage-sql'
import { createBrowser, fetchTransport, visitAuthorization } from '@fastify-mcp-auth/testing'
import type { Test } from 'tap'
import { buildWeather, KEYS } from '../../connect-out/keyed-servers.ts'
import { listenDesk } from '../../connect-out/test/running-desk.ts'
import { openQueueOf } from '../queue.ts'
import { startWorker } from './running-worker.ts'

export interface StoryOptions {
  /** File of the worker. */
  readonly worker: string
  readonly environment: { readonly DATABASE_URL: string; readonly REDIS_URL?: string }
}

export async function tellStory(t: Test, { worker, environment }: StoryOptions): Promise<void> {
  const gate = createGate()
  const weather = buildWeather()
  weather.addHook('onRequest', () => gate.pass())
  const storage = sqlStorage({ url: environment.DATABASE_URL })
  t.teardown(() => storage.close())
  const { desk, notes, origin, settings } = await listenDesk(t, { storage, weather })
  const queue = await openQueueOf(environment)
  t.teardown(() => queue.close())
  for (const type of ['connected', 'reconnected'] as const)
    desk.mcpConnections.on(type, ({ owner }) => owner && queue.goOn(owner.id))
  const start = () =>
    startWorker(t, worker, {
      PUBLIC_URL: origin,
      ENCRYPTION_KEY: settings.encryptionKey,
      NOTES_URL: settings.notesUrl,
      WEATHER_URL: settings.weatherUrl,
      SEARCH_URL: settings.searchUrl,
      ...environment
    })
  // What belongs to the agent as well as to the person is connected on its page.
  const linkTo = (server: 'notes' | 'weather'): string =>
    `${origin}/connections/connect/${server}${server === 'weather' ? '?agent=briefing' : ''}`
  const connectNotes = await personAt(origin)
  const alice = { type: 'user', id: 'alice', agent: 'briefing' } as const
  const tomorrow = Math.floor(Date.now() / 1000) + 3600
  await desk.mcpConnections.setCredential(alice, 'weather', { secret: KEYS.weatherOfAlice, expiresAt: tomorrow })
  await desk.mcpConnections.setCredential(null, 'search', { secret: KEYS.search })

  const first = start()
  t.strictSame(await first.next(), { tell: 'alice', links: [linkTo('weather')] }, 'a key that ends within a day')

  await queue.add('alice')
  t.strictSame(await first.next(), { tell: 'alice', links: [linkTo('notes')] }, 'she is asked for what is missing')
  await queue.add('bob')
  t.strictSame(
    await first.next(),
    { tell: 'bob', links: [linkTo('notes'), linkTo('weather')] },
    'he has nothing of hers, and hears of everything at once'
  )

  await connectNotes()
  const briefing = { deliver: 'alice', lines: [String, 'Sunny in Oxford, Alice.', 'Nothing about tea for the office.'] }
  t.match(await first.next(), briefing, 'what waited for her goes on')

  await notes.authorizationServer.grants.revokeAll({ subject: 'user-1' })
  await queue.add('alice')
  t.strictSame(await first.next(), { tell: 'alice', links: [linkTo('notes')] }, 'the connection has ended over there')
  t.equal((await desk.mcpConnections.status(alice, 'notes')).status, 'needs_reauth')
  await connectNotes()
  t.match(await first.next(), briefing)

  const arrival = gate.close()
  await queue.add('alice')
  await arrival
  await first.end('SIGKILL')
  gate.open()
  const second = start()
  t.match(await second.next(), briefing, 'what one was doing when it was killed, another does')
  t.equal(await second.end('SIGTERM'), 0)
  t.equal([...first.heard, ...second.heard].filter(({ deliver }) => deliver === 'alice').length, 3, 'none of it twice')
  t.equal([...first.heard, ...second.heard].filter(({ tell }) => tell === 'bob').length, 1, 'nobody is told again')
}

/** Keeps requests waiting while it is closed. */
function createGate() {
  let isOpen = Promise.resolve()
  let onArrival = (): void => undefined
  let open = (): void => undefined
  return {
    async pass(): Promise<void> {
      onArrival()
      await isOpen
    },
    /** @returns resolves when somebody waits */
    close(): Promise<void> {
      isOpen = new Promise(done => (open = done))
      return new Promise(done => (onArrival = done))
    },
    open: (): void => open()
  }
}

/** Alice with a browser. @returns connects her notes, at the link that she was told */
async function personAt(origin: string): Promise<() => Promise<void>> {
  const browser = createBrowser(fetchTransport())
  await browser.open(origin)
  await browser.submit(await browser.open(origin), { fields: {}, button: { name: 'user', value: 'alice' } })
  return async () => {
    const page = await browser.submit(await browser.open(`${origin}/connections/connect/notes`))
    const answer = await visitAuthorization(browser, page.leavesTo ?? '', {
      username: 'alice',
      password: 'wonderland',
      decision: 'allow'
    })
    await browser.open(answer.leavesTo ?? '')
  }
}
