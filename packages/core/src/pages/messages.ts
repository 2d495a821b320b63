/** Catalogues: the words of a package in one language, as plain data. What a message needs is read off its `{placeholders}`. */
import type { Sentence } from './locale.ts'

/** One text, or one for each plural category of `Intl.PluralRules`, chosen by the parameter `count`. */
export type Message = string | ({ readonly other: string } & { readonly [C in Intl.LDMLPluralRule]?: string })

/** Messages by key. */
export interface Messages {
  readonly [key: string]: Message
}

/** Another language of a catalogue, with every key: the compiler says which one is missing. */
export type Translation<M extends Messages> = { readonly [K in keyof M]: Message }

/** Some of the keys of a catalogue. */
export type PartialTranslation<M extends Messages> = { readonly [K in keyof M]?: Message }

type Placeholders<T> = T extends `${string}{${infer Name}}${infer Rest}` ? Name | Placeholders<Rest> : never
type Texts<M> = M extends string ? M : M[keyof M]

/** The values of a message, by placeholder. */
export type Parameters<T extends Message> = {
  readonly [Name in Placeholders<Texts<T>>]: string | number | Sentence
}

/** What a translation lacks or has too much, by key. All empty when it is in order. */
export interface CatalogueFaults {
  /** Keys without a translation; said in another language until there is one. */
  readonly missing: readonly string[]
  /** Keys that the base does not have: misspelt, or gone. */
  readonly unknown: readonly string[]
  /** A placeholder that the base does not have, or one of the base that is in no form of the message. */
  readonly placeholders: readonly string[]
  /** Plural forms that whole numbers up to 120 need in the language, as `key.form`. */
  readonly forms: readonly string[]
}

/** Compares a translation with the base; for tests of catalogues. */
export function catalogueFaults(
  base: Messages,
  translation: PartialTranslation<Messages>,
  lang: string
): CatalogueFaults {
  const categories = wholeNumberCategories(lang)
  const known = Object.entries(translation).filter(([key]) => Object.hasOwn(base, key))
  return {
    missing: Object.keys(base).filter(key => !Object.hasOwn(translation, key)),
    unknown: Object.keys(translation).filter(key => !Object.hasOwn(base, key)),
    placeholders: known.flatMap(([key, message]) => (samePlaceholders(base[key], message) ? [] : [key])),
    forms: known.flatMap(([key, message]) =>
      typeof message === 'object' && typeof base[key] === 'object'
        ? categories.filter(category => !(category in message)).map(category => `${key}.${category}`)
        : []
    )
  }
}

function samePlaceholders(base: Message | undefined, message: Message | undefined): boolean {
  const [wanted, found] = [placeholdersOf(base), placeholdersOf(message)]
  // "One tool" says its number in a word.
  wanted.delete('count')
  return [...wanted].every(name => found.has(name)) && [...found].every(name => name === 'count' || wanted.has(name))
}

function placeholdersOf(message: Message | undefined): Set<string> {
  const texts = typeof message === 'string' ? [message] : Object.values(message ?? {})
  return new Set(texts.flatMap(text => [...text.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)))
}

function wholeNumberCategories(lang: string): string[] {
  const plural = new Intl.PluralRules(lang)
  return [...new Set(Array.from({ length: 120 }, (_, index) => plural.select(index + 1)))]
}
