/**
 * Contrast between colours, so that a team can choose any accent and people can still read the page.
 *
 * @see WCAG 2.2, success criteria 1.4.3 and 1.4.11
 */

/** Smallest contrast of text on its ground. */
export const READABLE = 4.5
/** Smallest contrast of a control against what is around it. */
export const VISIBLE = 3

type Rgb = readonly [number, number, number]

/** @param hex `#rgb` or `#rrggbb` */
function parse(hex: string): Rgb {
  const digits = hex.length === 4 ? hex.replace(/[0-9a-f]/gi, '$&$&') : hex
  const channel = (at: number): number => Number.parseInt(digits.slice(at, at + 2), 16)
  return [channel(1), channel(3), channel(5)]
}

function luminance(hex: string): number {
  const [red, green, blue] = parse(hex).map(channel => {
    const share = channel / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  }) as unknown as Rgb
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/** From 1 (the same) to 21 (black on white). */
export function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b)
  return (light + 0.05) / (dark + 0.05)
}

/** White, soft black or black: the first that can be read on the colour. One of them always can. */
export function inkOn(ground: string): string {
  return ['#ffffff', '#0d1117'].find(ink => contrast(ink, ground) >= READABLE) ?? '#000000'
}

/** The colour itself, or as little lighter or darker as it takes to stand out from the ground by `ratio`. */
export function standOut(colour: string, ground: string, ratio: number): string {
  const towards = contrast('#ffffff', ground) > contrast('#000000', ground) ? 255 : 0
  const from = parse(colour)
  for (let step = 0; step <= 20; step++) {
    const mixed = `#${from.map(channel => hexByte(channel + ((towards - channel) * step) / 20)).join('')}`
    if (contrast(mixed, ground) >= ratio) return mixed
  }
  return towards === 255 ? '#ffffff' : '#000000'
}

const hexByte = (channel: number): string => Math.round(channel).toString(16).padStart(2, '0')
