/** The style sheet of a package's pages: our colours and rules, then the package's, then the team's. Built once, at boot. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { contrast, inkOn, READABLE, standOut, VISIBLE } from './colour.ts'

/** A file that never changes under its name, so browsers may keep it for ever. */
export interface Stylesheet {
  readonly css: string
  /** Changes with the content. */
  readonly fileName: string
}

/** What comes on top of ours. */
export interface StylesheetSources {
  /** Rules of the package. */
  readonly rules?: string
  /** Rules and custom properties of the team; they win. */
  readonly theme?: string
  /** `#rgb` or `#rrggbb`; without it the theme keeps its own. */
  readonly accent?: string | undefined
}

/** How the page looks: as the person's system does. */
export type ColorScheme = 'light' | 'dark'

const SCHEMES = ['light', 'dark'] as const

// Style sheets are shipped as they are, beside the sources; both `src` and `dist` are two steps away from them.
const read = (name: string): string => readFileSync(new URL(`../../src/pages/${name}`, import.meta.url), 'utf8')

/** Reads our files, so call it at boot and not for a request. */
export function buildStylesheet({ rules = '', theme = '', accent }: StylesheetSources = {}): Stylesheet {
  const parts = [read('theme.css'), read('pages.css'), rules, theme].filter(part => part !== '')
  const css = parts.join('\n')
  const whole = accent === undefined ? css : `${css}\n${accentRules(css, accent)}`
  const hash = createHash('sha256').update(whole).digest('base64url').slice(0, 16)
  return Object.freeze({ css: whole, fileName: `${hash}.css` })
}

// An inline style would need a hole in the policy of the page, so the accent is part of the file.
function accentRules(css: string, accent: string): string {
  const rules = (scheme: ColorScheme): string => {
    // Links stand on the card and beside it.
    const link = standOut(
      standOut(accent, groundOf(css, scheme, '--card'), READABLE),
      groundOf(css, scheme, '--bg'),
      READABLE
    )
    return `--accent:${accent};--accent-ink:${inkOn(accent)};--link:${link}`
  }
  return `:root{${rules('light')}}\n@media (prefers-color-scheme: dark){:root{${rules('dark')}}}\n`
}

/** In which appearance the accent can fill the button, but not mark links, checks and edges: it is too close to the ground. */
export function unreadableIn({ css }: Stylesheet, accent: string): ColorScheme[] {
  return SCHEMES.filter(scheme => contrast(accent, groundOf(css, scheme, '--card')) < VISIBLE)
}

/** Two colours of a style sheet that stand on each other and cannot be told apart well enough. */
export interface PoorContrast {
  readonly scheme: ColorScheme
  /** Custom property of the text, or of what has to be seen. */
  readonly text: string
  readonly ground: string
  /** From 1 to 21. */
  readonly contrast: number
}

const PAIRS: readonly (readonly [text: string, ground: string, least: number])[] = [
  ...['--ink', '--soft', '--link', '--good', '--danger'].flatMap(text =>
    ['--card', '--bg'].map(ground => [text, ground, READABLE] as const)
  ),
  ['--warn-ink', '--warn-bg', READABLE],
  ['--accent-ink', '--accent', READABLE]
]

/**
 * Text that people cannot read: less than 4.5 to 1 between custom properties that belong together. Looks at colours that are written
 * as `#rgb` or `#rrggbb`, and at nothing but `:root` outside of and within `prefers-color-scheme: dark`.
 *
 * @see WCAG 2.2, success criterion 1.4.3
 */
export function poorContrasts({ css }: Stylesheet): PoorContrast[] {
  return SCHEMES.flatMap(scheme => {
    const colours = customProperties(css, scheme)
    return PAIRS.flatMap(([text, ground, least]) => {
      const [ink, paper] = [colours.get(text), colours.get(ground)]
      if (!isHex(ink) || !isHex(paper)) return []
      const ratio = contrast(ink, paper)
      return ratio < least ? [{ scheme, text, ground, contrast: Math.floor(ratio * 100) / 100 }] : []
    })
  })
}

/** The custom properties of `:root` that count in an appearance: of two that say the same, the later one. */
export function customProperties(css: string, scheme: ColorScheme): Map<string, string> {
  const plain = css.replace(/\/\*[\s\S]*?\*\//g, '')
  const rules =
    /@media\s*\(\s*prefers-color-scheme\s*:\s*dark\s*\)\s*\{((?:[^{}]*\{[^{}]*\})*[^{}]*)\}|:root\s*\{([^{}]*)\}/g
  const bodies = [...plain.matchAll(rules)].flatMap(([, dark, root]) => {
    if (root !== undefined) return [root]
    return scheme === 'dark' ? [...(dark ?? '').matchAll(/:root\s*\{([^{}]*)\}/g)].map(([, body = '']) => body) : []
  })
  return new Map(
    bodies
      .flatMap(body => [...body.matchAll(/(--[\w-]+)\s*:\s*([^;]+)/g)])
      .map(([, name = '', value = '']) => [name, value.trim()])
  )
}

const isHex = (value: string | undefined): value is string => /^#([0-9a-f]{3}|[0-9a-f]{6})$/i.test(value ?? '')

function groundOf(css: string, scheme: ColorScheme, name: '--card' | '--bg'): string {
  const ground = customProperties(css, scheme).get(name)
  // A theme may say it in words that we do not read; then ours is the best guess.
  return isHex(ground) ? ground : (customProperties(read('theme.css'), scheme).get(name) ?? '#ffffff')
}
