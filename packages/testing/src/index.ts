export * from './assertions.ts'
export * from './clock.ts'
export * from './issuer.ts'
export * from './oauth-client.ts'
