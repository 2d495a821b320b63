import t from 'tap'
import { createConnections } from '../src/index.ts'

const open = (documentUrl?: string) =>
  createConnections({
    baseUrl: 'http://127.0.0.1:3000',
    client: { name: 'Test', ...(documentUrl === undefined ? {} : { documentUrl }) }
  })

t.test('item 4: the metadata document is ours, or where the app says', async t => {
  const ours = await open()
  t.equal(ours.urls.clientDocument, 'http://127.0.0.1:3000/mcp/connections/client.json')
  const elsewhere = await open('https://www.example.com/mcp-client.json')
  t.equal(elsewhere.urls.clientDocument, 'https://www.example.com/mcp-client.json')
  for (const url of [
    'http://www.example.com/c.json',
    'https://www.example.com',
    'https://www.example.com/',
    'https://www.example.com/c.json#x',
    'https://user@www.example.com/c.json',
    'https://www.example.com/a/../c.json',
    'HTTPS://www.example.com/c.json',
    'c.json'
  ])
    await t.rejects(open(url), { code: 'FST_OAUTH_OPTION', message: /client\.documentUrl/ }, url)
  for (const connections of [ours, elsewhere]) await connections.close()
})
