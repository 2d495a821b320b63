export type { Isolated, Sentence } from './locales/locale.ts'
export type { Brand, ClientName, ConsentPage, ConsentWords, FailurePage, Page, ScopeLine, Warning } from './model.ts'
export { ConsentOptions } from './options.ts'
export { default } from './plugin.ts'
