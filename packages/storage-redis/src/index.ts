export { type RedisStorage, redisStorage } from './driver.ts'
export type { RedisClient, RedisStorageOptions } from './options.ts'
