/** What the consent page says about the tools of this very server. */
import { createOAuthClient } from '@fastify-mcp-auth/testing'
import t from 'tap'
import { ALICE, createApp } from './running-app.ts'

t.test('the consent page names the tools behind each permission, as the MCP server lists them', async t => {
  const { app, resource } = await createApp(t)
  const client = createOAuthClient({ app, resource, clientId: 'demo-cli', ...ALICE })
  const { url } = await client.start({ scope: 'mcp:tools notes:read notes:write notes:admin' })
  const page = await client.login(await client.browser.open(url), ALICE)
  const text = page.body.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ')
  t.match(text, 'See who you are needed Your name 1 tool: Who am I')
  t.match(text, 'Read your notes 1 tool: List notes')
  t.match(text, 'Add notes 1 tool: Add a note')
  t.match(text, /Delete all your notes cannot be undone 1 tool: Delete all notes Includes: Add notes · Read your notes/)
})
