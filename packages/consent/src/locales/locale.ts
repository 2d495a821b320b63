/**
 * How words reach a page. A catalogue is plain data; values that people or apps chose are never spliced into its text but
 * kept apart as {@link Isolated} parts, so that a template can fence them off with `<bdi>`.
 */
import { en } from './en.ts'

/** A value inside a sentence that somebody else wrote: a name, a host. Show it inside `<bdi>`. */
export interface Isolated {
  readonly value: string
}

/** Text in reading order. Plain strings are ours, {@link Isolated} parts are not. */
export type Sentence = readonly (string | Isolated)[]

/** One text, or one for each plural category of `Intl.PluralRules`, chosen by the parameter `count`. */
export type Message = string | ({ readonly other: string } & { readonly [C in Intl.LDMLPluralRule]?: string })

export type MessageKey = keyof typeof en

/** Every language has every key; the compiler says which one is missing. */
export type Catalogue = { readonly [K in MessageKey]: Message }

type Placeholders<T> = T extends `${string}{${infer Name}}${infer Rest}` ? Name | Placeholders<Rest> : never
type Texts<M> = M extends string ? M : M[keyof M]

/** What a message needs, read off its `{placeholders}`. */
export type Parameters<K extends MessageKey> = {
  readonly [Name in Placeholders<Texts<(typeof en)[K]>>]: string | number | Sentence
}

export interface Locale {
  /** For the attribute `lang`. */
  readonly lang: string
  readonly dir: 'ltr' | 'rtl'
  /** A message whose values stay apart. */
  say<K extends MessageKey>(key: K, parameters: Parameters<K>): Sentence
  /** "Notes", "Notes and Calendar": values that others chose, kept apart from the words between them. */
  list(values: readonly string[]): Sentence
  /** A message without values. */
  word(key: MessageKey): string
}

export function createLocale(lang: string, catalogue: Catalogue, dir: 'ltr' | 'rtl' = 'ltr'): Locale {
  const plural = new Intl.PluralRules(lang)
  const lists = new Intl.ListFormat(lang)
  const choose = (message: Message, count: unknown): string => {
    if (typeof message === 'string') return message
    return (typeof count === 'number' ? message[plural.select(count)] : undefined) ?? message.other
  }
  return Object.freeze<Locale>({
    lang,
    dir,
    say: (key, parameters) => {
      const values: Record<string, string | number | Sentence> = parameters
      return fill(choose(catalogue[key], values['count']), values)
    },
    list: values => lists.formatToParts(values).map(({ type, value }) => (type === 'element' ? { value } : value)),
    word: key => choose(catalogue[key], undefined)
  })
}

export const english: Locale = createLocale('en', en)

/** A sentence as plain text, for places without markup such as `<title>`. Values are fenced off by Unicode isolates. */
export function plainText(sentence: Sentence): string {
  return sentence.map(part => (typeof part === 'string' ? part : `\u2068${part.value}\u2069`)).join('')
}

function fill(text: string, values: Record<string, string | number | Sentence>): Sentence {
  // The capturing group keeps the names: even places are text, odd places are placeholders.
  return text.split(/\{(\w+)\}/).flatMap((part, index): Sentence => {
    if (index % 2 === 0) return part === '' ? [] : [part]
    const value = values[part]
    return Array.isArray(value) ? value : [String(value ?? '')]
  })
}
