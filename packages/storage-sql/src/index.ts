export { type SqlStorage, sqlStorage } from './driver.ts'
export { migrate, printMigration } from './migration-script.ts'
export type { KyselyInstance, SqlStorageOptions } from './options.ts'
export type { MysqlPool, PgPool, SqliteDatabase } from './pool.ts'
