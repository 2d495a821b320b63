/** Somebody who tries the app out from one computer is never told to slow down. */
import t from 'tap'
import { createApp } from './running-app.ts'

t.test(
  'EM-13: 200 registrations, 100 authorizations and 500 token requests in one minute have room, more have not',
  async t => {
    const { app } = await createApp(t)
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const requests = {
      register: () =>
        app.inject({ method: 'POST', url: '/oauth/register', payload: { redirect_uris: ['https://a.example/'] } }),
      authorize: () => app.inject('/oauth/authorize?client_id=demo-cli'),
      page: () => app.inject('/oauth/interaction/unknown'),
      decision: () =>
        app.inject({ method: 'POST', url: '/oauth/interaction/unknown', headers: form, payload: 'decision=deny' }),
      token: () =>
        app.inject({
          method: 'POST',
          url: '/oauth/token',
          headers: form,
          payload: 'grant_type=refresh_token&client_id=demo-cli&refresh_token=x'
        })
    }
    const statuses = async (what: keyof typeof requests, times: number) => {
      const seen = new Set<number>()
      for (let i = 0; i < times; i++) seen.add((await requests[what]()).statusCode)
      return [...seen]
    }
    t.strictSame(await statuses('register', 200), [201])
    t.strictSame(await statuses('authorize', 100), [400])
    t.strictSame(await statuses('page', 100), [404])
    t.strictSame(await statuses('decision', 100), [404])
    t.strictSame(await statuses('token', 500), [400])
    t.strictSame(await statuses('token', 1), [429])
    t.strictSame(await statuses('register', 1), [429])
  }
)
