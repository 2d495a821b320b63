export { type BootableApp, type CliConfig, defineConfig } from './config.ts'
