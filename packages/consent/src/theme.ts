/** The style sheet: our theme, or the team's, with the brand's accent worked in. Built once, at boot. */
import { createHash } from 'node:crypto'
import { contrast, inkOn, READABLE, standOut, VISIBLE } from './colour.ts'

export interface Stylesheet {
  readonly css: string
  /** Changes with the content, so browsers may keep the file for ever. */
  readonly fileName: string
}

/** Ground of the card in `theme.css`. A test holds the two together. */
export const CARD = { light: '#ffffff', dark: '#171b22' } as const

/** @param accent `#rgb` or `#rrggbb`; without it the theme keeps its own */
export function buildStylesheet(theme: string, accent: string | undefined): Stylesheet {
  const css = accent === undefined ? theme : `${theme}\n${accentRules(accent)}`
  const hash = createHash('sha256').update(css).digest('base64url').slice(0, 16)
  return Object.freeze({ css, fileName: `${hash}.css` })
}

// An inline style would need a hole in the policy of the page, so the accent is part of the file.
function accentRules(accent: string): string {
  const rules = (card: string): string => {
    const link = standOut(accent, card, READABLE)
    return `--accent:${accent};--accent-ink:${inkOn(accent)};--link:${link}`
  }
  return `:root{${rules(CARD.light)}}\n@media (prefers-color-scheme: dark){:root{${rules(CARD.dark)}}}\n`
}

/** In which appearance the accent can fill the button, but not mark links, checks and edges: it is too close to the ground. */
export function unreadableIn(accent: string): ('light' | 'dark')[] {
  return (['light', 'dark'] as const).filter(scheme => contrast(accent, CARD[scheme]) < VISIBLE)
}
