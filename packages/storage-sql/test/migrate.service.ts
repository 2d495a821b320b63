/** Needs PostgreSQL, MySQL or MariaDB, and their clients: see `servers.ts`. */
import t from 'tap'
import { migrationPromises } from './migration-promises.ts'
import { SERVERS } from './servers.ts'

for (const server of SERVERS)
  await t.test(server.name, t =>
    migrationPromises(t, {
      dialect: server.dialect,
      place: t => ({ url: server.url, schema: server.newSchema(t), tablePrefix: 'x_' }),
      runScript: (_, script) => server.runScript(script)
    })
  )
