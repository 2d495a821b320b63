/** One line of arrangement for devices: a server that has them, a device, and a person with a browser. */
import type { OAuthClient, Page } from '@fastify-mcp-auth/testing'
import type { Test } from 'tap'
import { type BuildOptions, buildServer, ORIGIN, openSignedIn, RESOURCE, type TestServer } from './fixture.ts'

export const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code'

export interface DeviceAnswer {
  readonly device_code: string
  readonly user_code: string
  readonly verification_uri: string
  readonly verification_uri_complete: string
  readonly expires_in: number
  readonly interval: number
}

export const TV = {
  client_id: 'tv',
  client_name: 'Television',
  grant_types: [DEVICE_CODE, 'refresh_token']
}

export function buildDeviceServer(t: Test, build: BuildOptions = {}): Promise<TestServer> {
  return buildServer(t, {
    ...build,
    options: {
      deviceAuthorization: {},
      clients: [TV, { ...TV, client_id: 'radio', client_name: 'Radio' }],
      ...build.options
    }
  })
}

export function post({ app }: Pick<TestServer, 'app'>, path: string, form: Record<string, string>) {
  return app.inject({
    method: 'POST',
    url: `/oauth/${path}`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams(form).toString()
  })
}

export async function startDevice(server: TestServer, form: Record<string, string> = {}): Promise<DeviceAnswer> {
  const response = await post(server, 'device_authorization', { client_id: 'tv', resource: RESOURCE, ...form })
  if (response.statusCode !== 200) throw new Error(response.body)
  return response.json<DeviceAnswer>()
}

export function poll(server: TestServer, { device_code }: DeviceAnswer, form: Record<string, string> = {}) {
  return post(server, 'token', { grant_type: DEVICE_CODE, client_id: 'tv', device_code, ...form })
}

/** Types the code on the page. @returns where that leads */
export async function enterCode(person: OAuthClient, typed: string): Promise<Page> {
  const page = await openSignedIn(person, `${ORIGIN}/oauth/device`)
  return person.browser.submit(page, { fields: { user_code: typed } })
}
