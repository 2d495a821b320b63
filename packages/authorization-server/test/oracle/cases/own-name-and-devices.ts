/** Clients in their own name, and devices that wait for a person. */
import { type Bends, basic, encode, FILES, NOTES, post, SECRET, type Side } from '../side.ts'
import type { OracleCase } from './case.ts'

const JOB = basic(encode('job'), encode(SECRET))
const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code'

function own(name: string, bends: Bends = {}, headers: { [name: string]: string } = JOB): OracleCase {
  return {
    name: `own name: ${name}`,
    run: side => post(side, 'token', { grant_type: 'client_credentials', ...bends }, { headers })
  }
}

function device(name: string, bends: Bends = {}): OracleCase {
  return {
    name: `device: ${name}`,
    run: side => post(side, 'device', { client_id: 'tv', scope: 'notes:read', ...bends })
  }
}

function waiting(name: string, bends: Bends = {}): OracleCase {
  return {
    name: `waiting: ${name}`,
    run: async side => {
      const { device_code } = await started(side)
      return post(side, 'token', { grant_type: DEVICE_CODE, client_id: 'tv', device_code, ...bends })
    }
  }
}

async function started(side: Side): Promise<{ device_code: string }> {
  const response = await post(side, 'device', { client_id: 'tv', scope: 'notes:read', resource: NOTES })
  return response.json<{ device_code: string }>()
}

export const OWN_NAME_AND_DEVICE_CASES: readonly OracleCase[] = [
  own('good', { resource: NOTES, scope: 'notes:read' }),
  own('no scope', { resource: NOTES }),
  own('no resource', { scope: 'notes:read' }),
  own('a resource that it may not use', { resource: FILES, scope: 'files:read' }),
  own('an unknown resource', { resource: 'https://bread.example/mcp' }),
  own('two resources', { resource: [NOTES, FILES] }),
  own('a scope of nowhere', { resource: NOTES, scope: 'bread' }),
  own('openid', { resource: NOTES, scope: 'openid' }),
  own('scope twice', { resource: NOTES, scope: ['notes:read', 'notes:read'] }),
  own('wrong secret', { resource: NOTES }, basic('job', 'wrong')),
  own('a client that did not register it', { resource: NOTES }, basic(encode('web'), encode(SECRET))),
  own('a public client', { resource: NOTES, client_id: 'public' }, {}),
  device('good', { resource: NOTES }),
  device('no resource'),
  device('an unknown resource', { resource: 'https://bread.example/mcp' }),
  device('client_id missing', { client_id: null }),
  device('client_id unknown', { client_id: 'nobody' }),
  device('a client that did not register it', { client_id: 'public' }),
  device('scope twice', { scope: ['notes:read', 'notes:read'] }),
  waiting('nobody has decided'),
  waiting('device_code missing', { device_code: null }),
  waiting('device_code invented', { device_code: 'invented' }),
  waiting('device_code twice', { device_code: ['a', 'b'] }),
  waiting('another client', { client_id: 'public' }),
  waiting('unknown client', { client_id: 'nobody' })
]
