import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import t, { type Test } from 'tap'
import { createSafeFetch, type SafeFetch } from '../src/safe-fetch.ts'

// Made for this test: self-signed, for issuer.example only, trusted by nobody else.
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgFHVT5t1CZ0QF9iwB
5Zy7P4BBBbOsjzLgAhvFbenVubqhRANCAARTjIp5lKlJPS4AVYMNZiRuNNezB2U3
fDtRNW6+grnJEVvkTC0cwjqR8sPUu5aqhv95h5zws5xbRU/j1DcaYWD4
-----END PRIVATE KEY-----`
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBkTCCATagAwIBAgIUftgPYH9I3micMN+xq9e+q9+P1ecwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjEwNzMyMDdaGA8yMTI2MTAyODA3MzIw
N1owDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABFOM
inmUqUk9LgBVgw1mJG4017MHZTd8O1E1br6CuckRW+RMLRzCOpHyw9S7lqqG/3mH
nPCznFtFT+PUNxphYPijbjBsMB0GA1UdDgQWBBRQCdiGIEeJiBeJAVrguyeF/2YQ
OjAfBgNVHSMEGDAWgBRQCdiGIEeJiBeJAVrguyeF/2YQOjAPBgNVHRMBAf8EBTAD
AQH/MBkGA1UdEQQSMBCCDmlzc3Vlci5leGFtcGxlMAoGCCqGSM49BAMCA0kAMEYC
IQCJKyv6wkG7wvRhXmxRgaLqY9eOkadDG6fKo7/xgqIvsQIhALm1kvfoMHzWN8LO
UuJUJ3gbVmRn0Nhrxz+TcOlB4oDg
-----END CERTIFICATE-----`

async function listen(t: Test): Promise<{ port: number; fetch: SafeFetch; served: () => number }> {
  let served = 0
  const server = createServer({ key: KEY, cert: CERTIFICATE }, (_request, response) => {
    served++
    response.end('over TLS')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const fetch = createSafeFetch({ addresses: 'public-or-loopback', lookup: async () => ['127.0.0.1'] })
  return { port: (server.address() as AddressInfo).port, fetch, served: () => served }
}

t.test('REG-10: an untrusted certificate is an outage, and nothing is sent', async t => {
  const { port, fetch, served } = await listen(t)
  await t.rejects(fetch(`https://issuer.example:${port}/`), { name: 'UnavailableError', reason: 'network' })
  t.equal(served(), 0)
})

t.test('RFC 9110 4.3.4: the certificate is checked for the name, although the address is pinned', async t => {
  const trusted = getCACertificates('default')
  setDefaultCACertificates([...trusted, CERTIFICATE])
  t.teardown(() => setDefaultCACertificates(trusted))
  const { port, fetch, served } = await listen(t)
  t.equal((await fetch(`https://issuer.example:${port}/`)).body.toString(), 'over TLS')
  await t.rejects(fetch(`https://other.example:${port}/`), { name: 'UnavailableError', reason: 'network' })
  await t.rejects(fetch(`https://127.0.0.1:${port}/`), { name: 'UnavailableError', reason: 'network' })
  t.equal(served(), 1)
})
