/** What stands in a document that somebody drew, as far as it can be told without a browser: its text, its forms and their fields. */

export interface DrawnDocument {
  /** Whether people can read this. */
  says(text: string): boolean
  hasField(name: string, value: string): boolean
  /** A field that is filled in by the person. */
  hasInput(name: string): boolean
  hasForm(action: string): boolean
}

export function readDocument(html: string): DrawnDocument {
  const text = textOf(html)
  const tags = tagsOf(html)
  return {
    says: value => text.includes(collapse(value)),
    hasField: (name, value) => tags.some(tag => attribute(tag, 'name') === name && attribute(tag, 'value') === value),
    hasInput: name =>
      tags.some(tag => attribute(tag, 'name') === name && !/^hidden$/i.test(attribute(tag, 'type') ?? 'text')),
    hasForm: action =>
      tags.some(tag => attribute(tag, 'action') === action && /^post$/i.test(attribute(tag, 'method') ?? ''))
  }
}

const TAG = /<[a-z][^\s/>]*(?:\s+[^\s=>"'/]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+))?)*\s*\/?>/gi

function tagsOf(html: string): string[] {
  return [...html.matchAll(TAG)].map(([tag]) => tag)
}

function attribute(tag: string, name: string): string | null {
  const [, double, single, bare] =
    new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s"'>]+))`, 'i').exec(tag) ?? []
  const value = double ?? single ?? bare
  return value === undefined ? null : decode(value)
}

function textOf(html: string): string {
  const shown = html.replace(/<!--[\s\S]*?-->|<(script|style|template|title)\b[\s\S]*?<\/\1\s*>/gi, '')
  return collapse(decode(shown.replace(/<\/?[a-z][^>]*>/gi, '')))
}

const collapse = (text: string): string => text.replace(/\s+/g, ' ').trim()

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' }

function decode(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|([a-z]+));/gi, (whole, hex, decimal, name) => {
    if (hex) return String.fromCodePoint(Number.parseInt(hex, 16))
    if (decimal) return String.fromCodePoint(Number(decimal))
    return ENTITIES[name] ?? whole
  })
}
