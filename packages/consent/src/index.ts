export type { Brand, Isolated, Page, Sentence } from '@fastify-mcp-auth/core/pages'
export { checkTemplates } from './check-templates.ts'
export { missingFacts } from './facts.ts'
export type { Words } from './locales/languages.ts'
export type {
  AskingClient,
  ClientName,
  ConnectedAppEntry,
  ConnectedAppsNotice,
  ConnectedAppsPage,
  ConnectedAppsWords,
  ConsentPage,
  ConsentWords,
  Detail,
  DeviceDonePage,
  DevicePage,
  DeviceWords,
  FailurePage,
  Moment,
  PageModel,
  ScopeLine,
  SignedOutPage,
  SignOutPage,
  ToolLine,
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
export type { ListedTool, ListTools } from './tools.ts'
