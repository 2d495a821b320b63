// A key management service, as small as it gets: a process of its own that makes a key, keeps it, and signs what it is sent.
import { generateKeyPairSync, sign } from 'node:crypto'

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
process.send({ publicJwk: publicKey.export({ format: 'jwk' }) })
process.on('message', ({ id, data, dsaEncoding }) => {
  const key = { key: privateKey, dsaEncoding }
  process.send({ id, signature: sign('sha256', Buffer.from(data, 'base64'), key).toString('base64') })
})
