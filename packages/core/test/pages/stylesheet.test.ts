import t from 'tap'
import {
  buildStylesheet,
  type ColorScheme,
  contrast,
  customProperties,
  poorContrasts,
  READABLE,
  unreadableIn,
  VISIBLE
} from '../../src/pages/index.ts'

const plain = buildStylesheet()
const colour = (css: string, scheme: ColorScheme, name: string): string => customProperties(css, scheme).get(name) ?? ''

t.test('WCAG 1.4.3: every text colour of the theme can be read on its ground', async t => {
  t.strictSame(poorContrasts(plain), [])
  for (const scheme of ['light', 'dark'] as const) {
    t.match(colour(plain.css, scheme, '--card'), /^#\w{6}$/)
    const seen = contrast(colour(plain.css, scheme, '--accent'), colour(plain.css, scheme, '--card'))
    t.ok(seen >= VISIBLE, `${scheme}: the button can be seen`)
  }
  t.not(colour(plain.css, 'light', '--card'), colour(plain.css, 'dark', '--card'))
})

t.test('WCAG 1.4.3: colours of a team that people cannot read are found', async t => {
  const found = (theme: string): string[] =>
    poorContrasts(buildStylesheet({ theme })).map(({ scheme, text, ground }) => `${scheme} ${text} ${ground}`)
  t.strictSame(found(':root { --soft: #999; }'), ['light --soft --card', 'light --soft --bg'])
  t.strictSame(found('@media (prefers-color-scheme: dark) { :root { --warn-ink: #554; } }'), [
    'dark --warn-ink --warn-bg'
  ])
  // It comes after our dark colours, so it counts in the dark too.
  t.strictSame(found(':root{--warn-ink:#000}'), ['dark --warn-ink --warn-bg'])
  t.strictSame(found('/* :root{--soft:#fff} */ .x{--soft:#fff}'), [])
  t.strictSame(found(':root{--soft:color-mix(in srgb, red, blue)}'), [], 'what cannot be read here is not judged')
  const [poor] = poorContrasts(buildStylesheet({ theme: ':root{--danger:#fff}' }))
  t.equal(poor?.contrast, 1)
})

t.test('an accent fills the button as it is; what has to stand out gets a shade that does', async t => {
  const { css } = buildStylesheet({ accent: '#ffe600' })
  t.equal(colour(css, 'light', '--accent'), '#ffe600')
  t.equal(colour(css, 'dark', '--link'), '#ffe600', 'yellow stands out on a dark ground')
  t.not(colour(css, 'light', '--link'), '#ffe600', 'but not on white')
  t.ok(contrast(colour(css, 'light', '--link'), colour(css, 'light', '--card')) >= READABLE)
  t.ok(contrast(colour(css, 'light', '--accent-ink'), '#ffe600') >= READABLE)
  t.strictSame(poorContrasts(buildStylesheet({ accent: '#ffe600' })), [])
  t.strictSame(unreadableIn(plain, '#ffe600'), ['light'])
  t.strictSame(unreadableIn(plain, '#111111'), ['dark'])
  t.strictSame(unreadableIn(plain, '#1f5eff'), [])
  t.strictSame(unreadableIn(buildStylesheet({ theme: ':root{--card:#ffe600}' }), '#ffd400'), ['light', 'dark'])
})

t.test('the name of the file follows its content', async t => {
  t.match(plain.fileName, /^[\w-]{16}\.css$/)
  t.equal(buildStylesheet().fileName, plain.fileName)
  t.not(buildStylesheet({ accent: '#f00' }).fileName, plain.fileName)
  t.match(buildStylesheet({ rules: '.a{}', theme: '.b{}' }).css, /\.a\{\}\n\.b\{\}$/, 'the team has the last word')
})

t.test('the style sheet loads nothing from anywhere', async t => {
  t.notMatch(plain.css, /url\(|@import|@font-face/)
})

t.test('the rules of the pages touch nothing outside of them', async t => {
  const selectors = [...plain.css.replace(/\/\*[\s\S]*?\*\//g, '').matchAll(/(?:^|[{}])\s*([^{}@]+)\{/g)]
    .flatMap(([, list = '']) => list.split(/,(?![^(]*\))/))
    .map(selector => selector.trim())
  t.ok(selectors.length > 40)
  for (const selector of selectors) t.match(selector, /^(\.mcp-auth(-document)?\b|:root$|from$)/)
})
