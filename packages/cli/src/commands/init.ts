/** Writes a small app that runs, with the configuration of the commands beside it. */
import { type Call, type Command, EXIT_CODES, UsageError } from '../command.ts'
import { type Kind, scaffold } from '../scaffold.ts'

export const init: Command = {
  name: 'init',
  summary: 'write a small app that runs, and the configuration of these commands',
  forms: ['[FOLDER]', 'connections [FOLDER]'],
  details: [
    'The app has an authorization server on SQLite, the consent pages, and an MCP server that they protect. People sign in by naming themselves, which works on this computer only: login.js is what you replace by your own.',
    'init connections writes an app whose people connect MCP servers of others, and a job that uses what they connected. In the folder of an app that is there already it adds connections.js, job.js and .env.example, and says what is left to do.',
    'An encryption key is made and written to .env. A file that is there already is left alone. A folder that is called "connections" is ./connections.'
  ],
  options: {},
  async run(call) {
    const kind: Kind = call.words[0] === 'connections' ? 'connections' : 'app'
    const [folder = '.', ...more] = kind === 'connections' ? call.words.slice(1) : call.words
    if (more.length > 0) throw new UsageError('give one FOLDER')
    const { written, kept } = scaffold(folder, kind)
    for (const file of written) call.out.print(`wrote ${file}`)
    for (const file of kept) call.out.print(`kept  ${file}, which was there`)
    if (kind === 'connections') tellRest(call, kept)
    call.out.say(`Next: ${folder === '.' ? '' : `cd ${folder} && `}npm install && npm start`)
    if (kind === 'connections')
      call.out.say('The tables are made at the first start. For a review: npx mcp-auth migrate --print')
    return EXIT_CODES.done
  }
}

/** What a project that was there has to do itself, by the file that was kept. */
const REST: { readonly [file: string]: string } = {
  'package.json':
    'npm install @fastify-mcp-auth/connections @fastify-mcp-auth/core @fastify-mcp-auth/storage-sql @fastify/formbody better-sqlite3 fastify && npm install --save-dev @fastify-mcp-auth/cli',
  'app.js': 'in app.js: await addConnections(app, storage), from ./connections.js',
  'mcp-auth.config.js':
    'in mcp-auth.config.js: add ...Object.values(COLLECTIONS) of @fastify-mcp-auth/connections to "collections"',
  'login.js': 'login.js must export signedIn(request), which gives { name } or null, and loginUrl({ returnTo })',
  'settings.js': 'settings.js must export publicUrl and encryptionKeys',
  'storage.js': 'storage.js must export openStorage()'
}

function tellRest({ out }: Call, kept: readonly string[]): void {
  for (const [file, rest] of Object.entries(REST)) if (kept.includes(file)) out.say(`To do: ${rest}`)
}
