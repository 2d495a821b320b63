import t from 'tap'
import { contrast, READABLE, VISIBLE } from '../src/colour.ts'
import { loadTemplates } from '../src/templates.ts'
import { buildStylesheet, CARD, unreadableIn } from '../src/theme.ts'

const { theme } = loadTemplates(undefined)

/** The custom properties of the n-th `:root` block: light, dark, then those of the brand. */
function properties(css: string, block: number): Map<string, string> {
  const [, body = ''] = [...css.matchAll(/:root\s*\{([^}]*)\}/g)][block] ?? []
  return new Map([...body.matchAll(/(--[\w-]+):\s*([^;]+)/g)].map(([, name = '', value = '']) => [name, value.trim()]))
}

t.test('WCAG 1.4.3: every text colour of the theme can be read on its ground', async t => {
  for (const [block, scheme] of (['light', 'dark'] as const).entries()) {
    const colours = properties(theme, block)
    const of = (name: string): string => colours.get(`--${name}`) ?? t.fail(`${name} is missing`).toString()
    t.equal(of('card'), CARD[scheme], 'the accent is worked out for the ground that the theme has')
    for (const ink of ['ink', 'soft', 'link', 'good', 'danger'])
      for (const ground of ['card', 'bg'])
        t.ok(contrast(of(ink), of(ground)) >= READABLE, `${scheme}: ${ink} on ${ground}`)
    t.ok(contrast(of('warn-ink'), of('warn-bg')) >= READABLE, `${scheme}: warning`)
    t.ok(contrast(of('accent-ink'), of('accent')) >= READABLE, `${scheme}: button`)
    t.ok(contrast(of('accent'), of('card')) >= VISIBLE, `${scheme}: the button can be seen`)
  }
})

t.test('an accent fills the button as it is; what has to stand out gets a shade that does', async t => {
  const { css } = buildStylesheet(theme, '#ffe600')
  const [light, dark] = [properties(css, 2), properties(css, 3)]
  t.equal(light.get('--accent'), '#ffe600')
  t.equal(dark.get('--link'), '#ffe600', 'yellow stands out on a dark ground')
  t.not(light.get('--link'), '#ffe600', 'but not on white')
  t.ok(contrast(light.get('--link') ?? '', CARD.light) >= READABLE)
  t.ok(contrast(light.get('--accent-ink') ?? '', light.get('--accent') ?? '') >= READABLE)
  t.strictSame(unreadableIn('#ffe600'), ['light'])
  t.strictSame(unreadableIn('#111111'), ['dark'])
  t.strictSame(unreadableIn('#1f5eff'), [])
})

t.test('the name of the file follows its content', async t => {
  const plain = buildStylesheet(theme, undefined)
  t.equal(plain.css, theme)
  t.match(plain.fileName, /^[\w-]{16}\.css$/)
  t.equal(buildStylesheet(theme, undefined).fileName, plain.fileName)
  t.not(buildStylesheet(theme, '#f00').fileName, plain.fileName)
})

t.test('the style sheet loads nothing from anywhere', async t => {
  t.notMatch(theme, /url\(|@import|@font-face/)
})
