import { ConfigurationError } from '@fastify-mcp-auth/core'

/** Imports a database package that only those need who use that database. @throws ConfigurationError saying what to install */
export async function loadPeer<Module>(name: 'better-sqlite3' | 'pg' | 'mysql2'): Promise<Module> {
  try {
    return (await import(name)) as Module
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND')) throw error
    throw new ConfigurationError(
      'FST_OAUTH_STORAGE',
      `storage-sql: option "url" names a database that needs the package "${name}": run "npm install ${name}"`
    )
  }
}
