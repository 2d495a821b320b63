export { type SqlStorage, sqlStorage } from './driver.ts'
export type { KyselyInstance, SqlStorageOptions } from './options.ts'
