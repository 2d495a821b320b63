export type { Brand, Isolated, Page, Sentence } from '@fastify-mcp-auth/core/pages'
export type { Words } from './locales/languages.ts'
export type {
  ClientName,
  ConnectedAppEntry,
  ConnectedAppsNotice,
  ConnectedAppsPage,
  ConnectedAppsWords,
  ConsentPage,
  ConsentWords,
  FailurePage,
  Moment,
  PageModel,
  ScopeLine,
  Warning
} from './model.ts'
export {
  ConsentOptions,
  type Layout,
  type LocaleChanges,
  type PageParts,
  type Render,
  type TemplateEngine
} from './options.ts'
export { default } from './plugin.ts'
