import t from 'tap'
import type { ConsentOptions, ListedTool } from '../src/index.ts'
import { toolTitle } from '../src/tools.ts'
import { buildApp, consentRequest, fakeServer, scope } from './fake-server.ts'

const RESOURCE = 'https://notes.example/mcp'
const scopes = [
  scope('notes:read', 'Read your notes', { tools: ['export_notes'] }),
  scope('notes:write', 'Change your notes')
]
const TOOLS: ListedTool[] = [
  { name: 'list_notes', annotations: { readOnlyHint: true } },
  { name: 'add_note', title: 'Add a note' },
  { name: 'wipe', annotations: { title: 'Wipe <all>', destructiveHint: true } },
  { name: 'peek', annotations: { readOnlyHint: true, destructiveHint: true } }
]
const NEEDS: Record<string, string[]> = {
  list_notes: ['notes:read'],
  add_note: ['notes:write'],
  wipe: ['notes:write'],
  peek: ['notes:read']
}

async function draw(
  tools: ConsentOptions['tools'],
  { resource = RESOURCE, changes = {}, log = [] as string[] } = {}
): Promise<(n?: number) => Promise<string>> {
  const app = await buildApp({
    fake: fakeServer(consentRequest({ scopes, ...changes })),
    options: tools ? { tools } : {},
    fastify: { logger: { level: 'warn', stream: { write: (line: string) => log.push(line) } } },
    before: async app =>
      // As much of the resource server as the page asks for.
      void app.decorate('mcpAuth' as string, {
        resource,
        scopesFor: ({ name }: { name: string }) => ({ scopes: [], anyOf: [NEEDS[name] ?? []] })
      })
  })
  t.teardown(() => app.close())
  return async () => (await app.inject('/oauth/interaction/handle-1')).body.replace(/\s*\n\s*/g, '')
}

t.test(
  'each permission names the tools that it unlocks, from the list of the server and the rules of the resource',
  async t => {
    const page = await (await draw(() => TOOLS))()
    t.match(page, '3 tools: <bdi>export notes</bdi>, <bdi>list notes</bdi>, <bdi>peek</bdi>')
    t.match(page, '2 tools: <bdi>Wipe &lt;all&gt;</bdi> (cannot be undone), <bdi>Add a note</bdi>')
    t.match(page, 'Change your notes</span> <span class="tag tag-danger">cannot be undone')
    t.match(page, 'name="scope" value="notes:read" checked>')
    t.match(page, 'name="scope" value="notes:write">', 'and what cannot be undone is not ticked')
  }
)

t.test('a step-up may tick what cannot be undone: the person just asked for it', async t => {
  const [read, write] = scopes
  const changes = { stepUp: true, scopes: [{ ...read, granted: true }, write] as typeof scopes }
  t.match(await (await draw(() => TOOLS, { changes }))(), 'name="scope" value="notes:write" checked>')
})

t.test('tools of a server elsewhere say themselves which scopes let them in', async t => {
  const tools = [{ name: 'list_notes', scopes: ['notes:write'] }, { name: 'add_note' }]
  const page = await (await draw(() => tools, { resource: 'https://other.example/mcp' }))()
  t.match(page, '1 tool: <bdi>list notes</bdi>')
  t.notMatch(page, 'add note', 'nobody here knows what lets this one in')
})

t.test('many tools: some are named, all can be had', async t => {
  const tools = Array.from({ length: 9 }, (_, index) => ({ name: `tool_${index}`, scopes: ['notes:write'] }))
  const page = await (await draw(() => tools))()
  t.match(page, /9 tools, such as <bdi>tool 0<\/bdi>, .*<bdi>tool 5<\/bdi><\/span>/)
  t.match(page, /<summary>Show all tools<\/summary><p><bdi>tool 0.*<bdi>tool 8<\/bdi>/)
})

t.test('the list is asked for once for many pages', async t => {
  let asked = 0
  const open = await draw(async resource => {
    asked += 1
    t.equal(resource, RESOURCE)
    return TOOLS
  })
  await Promise.all([open(), open()])
  await open()
  t.equal(asked, 1)
})

t.test('a server that does not answer costs the page its lists and nothing else, and is asked again', async t => {
  let isDown = true
  const log: string[] = []
  const open = await draw(
    () => {
      if (isDown) throw new Error('down')
      return TOOLS
    },
    { log }
  )
  const page = await open()
  t.match(page, '1 tool: <bdi>export notes</bdi>')
  t.match(page, '<button type="submit" name="decision" value="allow"')
  t.match(JSON.parse(log[0] ?? '{}'), { resource: RESOURCE, err: { message: 'down' } })
  isDown = false
  t.match(await open(), 'Wipe')
})

t.test('a tool is called by its title, made harmless', async t => {
  t.equal(toolTitle({ name: 'list_my-notes' }), 'list my notes')
  t.equal(toolTitle({ name: 'a', title: '\u202Eevil', annotations: { title: 'b' } }), 'evil')
  t.equal(toolTitle({ name: 'a_b', title: '\u200B' }), 'a b')
  t.equal(toolTitle({ name: 'x'.repeat(200) }).length, 60)
})
