/** Reads TypeBox schemas as they are written: what a member is called, what is said about it, and what it takes. */

/** A member of an object literal. */
export interface Member {
  readonly name: string
  /** Of the doc comment above it, as it stands there; empty when there is none. */
  readonly comment: string
  /** The expression behind the colon. */
  readonly value: string
}

interface Call {
  readonly name: string
  /** What stands between angle brackets, if there are any. */
  readonly generic: string | null
  readonly args: readonly string[]
}

const OPEN = '([{'
const CLOSE = ')]}'

/** Where what begins at `start` ends, if it is a comment, a string, a type argument or in brackets; else the next character. */
function skip(text: string, start: number): number {
  const rest = text.slice(start)
  const [whole] =
    /^\/\*[\s\S]*?\*\/|^\/\/.*|^'(?:\\.|[^'\\])*'|^"(?:\\.|[^"\\])*"|^`(?:\\.|[^`\\])*`|^=>/.exec(rest) ?? []
  if (whole !== undefined) return start + whole.length
  const opens = OPEN.includes(rest.charAt(0)) || (rest.startsWith('<') && /\w/.test(text.charAt(start - 1)))
  if (!opens) return start + 1
  const ends = rest.startsWith('<') ? '>' : CLOSE
  let at = start + 1
  while (at < text.length && !ends.includes(text.charAt(at))) at = skip(text, at)
  return at + 1
}

/** `a, b(c, d)` in two. */
function pieces(text: string): string[] {
  const found: string[] = []
  let from = 0
  for (let at = 0; at < text.length; at = skip(text, at)) {
    if (text.charAt(at) !== ',') continue
    found.push(text.slice(from, at))
    from = at + 1
  }
  return [...found, text.slice(from)].map(piece => piece.trim()).filter(piece => piece !== '')
}

const inside = (bracketed: string): string => bracketed.trim().slice(1, -1)

/** The members of `{ ... }`; what is spread into it is left out. */
export function membersOf(literal: string): Member[] {
  return pieces(inside(literal)).flatMap(piece => {
    const [, comment = '', name, value = ''] =
      /^(?:\/\*\*([\s\S]*?)\*\/\s*)?(?:\/\/.*\s*)*(\w+):\s*([\s\S]+)$/.exec(piece) ?? []
    return name === undefined ? [] : [{ name, comment, value }]
  })
}

function callOf(expression: string): Call | null {
  const [, name = ''] = /^([\w.]+)\s*[<(]/.exec(expression) ?? []
  if (name === '') return null
  const opens = expression.charAt(name.length) === '<' ? skip(expression, name.length) : name.length
  const generic = opens === name.length ? null : inside(expression.slice(name.length, opens))
  return { name, generic, args: pieces(inside(expression.slice(opens, skip(expression, opens)))) }
}

/** Every `const X = Type...` of a file, by name. */
export function schemasOf(source: string): Map<string, string> {
  return new Map(
    [...source.matchAll(/^(?:export )?const (\w+) = (Type\.\w+)/gm)].map(
      ({ index, 0: start, 1: name = '', 2: call = '' }) => {
        const opens = index + start.length
        const past = source.charAt(opens) === '<' ? skip(source, opens) : opens
        return [name, source.slice(opens - call.length, skip(source, past))] as const
      }
    )
  )
}

/** The members of a `Type.Object`, optional or in a list or not; null for what is none. */
export function objectMembers(schema: string): Member[] | null {
  const { name, args: [first = ''] = [] } = callOf(schema) ?? {}
  if (name === 'Type.Object') return membersOf(first)
  return name === 'Type.Optional' || name === 'Type.Array' ? objectMembers(first) : null
}

export const isOptional = (schema: string): boolean => callOf(schema)?.name === 'Type.Optional'

/** The default, as it is written; null without one. */
export function defaultOf(schema: string): string | null {
  const call = callOf(schema)
  if (call?.name === 'Type.Optional') return defaultOf(call.args[0] ?? '')
  const settings = call ? call.args.at(-1) : schema
  if (!settings?.startsWith('{') || (call?.name === 'Type.Object' && call.args.length < 2)) return null
  return membersOf(settings).find(({ name }) => name === 'default')?.value ?? null
}

/**
 * What a schema takes, in words.
 *
 * @param named what is printed in the place of a schema with a name, or the schema itself that stands behind it
 * @throws Error for a name that nobody knows: it would be printed as it is called in the code
 */
export function typeOf(schema: string, named: (name: string) => { text: string } | { schema: string } | null): string {
  const [, spread] = /^\{\s*\.\.\.(\w+)/.exec(schema) ?? []
  const call = callOf(spread ?? schema)
  if (!call) {
    const found = named(spread ?? schema)
    if (!found) throw new Error(`the options have a schema whose name says nothing: ${schema}`)
    return 'text' in found ? found.text : typeOf(found.schema, named)
  }
  const { name, generic, args } = call
  if (generic !== null) return code(generic.replace(/\s+/g, ' ').trim())
  const [first = '', second = ''] = args
  switch (name) {
    case 'Type.Optional':
      return typeOf(first, named)
    case 'Type.Union':
      return [...new Set(pieces(inside(first)).map(one => typeOf(one, named)))].join(' or ')
    case 'Type.Literal':
      return code(first)
    case 'Type.Array':
      return `array of ${grouped(typeOf(first, named))}`
    case 'Type.Record':
      return `record of ${grouped(typeOf(second, named))}`
    case 'Type.Integer':
      return code('whole number')
    default:
      return code(name.replace(/^Type\./, '').toLowerCase())
  }
}

// A choice within a list, so that it is not taken for a choice between lists.
const grouped = (words: string): string => (words.includes(' or ') ? `(${words})` : words)

const code = (text: string): string => `\`${text.replaceAll('|', '\\|')}\``
