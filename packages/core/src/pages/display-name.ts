/**
 * Names that strangers chose, made harmless for a page: an app can call itself anything, including things that are not
 * letters. Nothing here says that a name is true.
 *
 * @see RFC 9700 section 4.14, Unicode Technical Standard 39
 */

// Marks that turn the reading direction and characters that take no room. Joiners and variation selectors stay: emoji and
// several scripts need them.
const INVISIBLE = /(?!\u200C|\u200D|\uFE0E|\uFE0F)\p{Default_Ignorable_Code_Point}/gu

/** Counts as a symbol and shows nothing: the empty cell of Braille. */
const BLANK = '\u2800'

const VISIBLE = /[\p{L}\p{N}\p{P}\p{S}]/u

/** Empty when nothing would be seen. Without control characters, direction marks, invisible characters, towers of accents and runs of spaces. */
export function cleanName(name: string): string {
  const clean = name
    .normalize('NFC')
    .replace(INVISIBLE, '')
    .replace(/[\p{Cc}\p{Cs}\p{Z}]+/gu, ' ')
    .replace(/(\p{M}{2})\p{M}+/gu, '$1')
    .trim()
  return VISIBLE.test(clean.replaceAll(BLANK, '')) ? clean : ''
}

const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' })

/** At most `length` characters as a reader counts them; the last one is an ellipsis when something was cut. */
export function shorten(text: string, length: number): string {
  const characters = Array.from(graphemes.segment(text), ({ segment }) => segment)
  if (characters.length <= length) return text
  return `${characters
    .slice(0, length - 1)
    .join('')
    .trimEnd()}…`
}

/** The first character, as a reader counts them. */
export function initialOf(text: string): string {
  const [first] = graphemes.segment(text)
  return (first?.segment ?? '').toUpperCase()
}

// Scripts whose letters pass for each other. Han, Kana, Hangul and the like stand beside Latin every day.
const LOOKALIKE = ['Latin', 'Cyrillic', 'Greek', 'Armenian', 'Cherokee', 'Coptic', 'Lisu'].map(
  script => new RegExp(`\\p{Script=${script}}`, 'u')
)

/** Whether one word takes letters from several alphabets that look alike, as in "Clаude" with a Cyrillic "а". */
export function mixesScripts(name: string): boolean {
  return name.split(/[^\p{L}\p{M}]+/u).some(word => LOOKALIKE.filter(script => script.test(word)).length > 1)
}

// Each word is a Latin letter and what passes for it. Deliberately small: it decides about a hint, not about access.
const PASSES_FOR = new Map(
  'aаɑα bв cсϲ dԁ eеε hһн iіıιlӏ1| jј kкκ mм nոпη oоο0օ pрρ qԛ rг sѕ5 tтτ uυս vνѵ wԝ xхχ yуγ'
    .split(' ')
    .flatMap(([letter = '', ...alike]) => alike.map(other => [other, letter] as const))
)

function skeleton(text: string): string {
  const letters = text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}|]/gu, '')
  return Array.from(letters, letter => PASSES_FOR.get(letter) ?? letter)
    .join('')
    .replaceAll('rn', 'm')
    .replaceAll('vv', 'w')
}

/** Whether a name contains one of our own, also when it is written with look-alike letters, other spaces or accents. */
export function imitates(name: string, own: string): boolean {
  const ours = skeleton(own)
  // Three letters are in too many honest names.
  return ours.length > 3 && skeleton(name).includes(ours)
}
