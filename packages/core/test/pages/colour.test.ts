import t from 'tap'
import { contrast, inkOn, READABLE, standOut } from '../../src/pages/colour.ts'

t.test('WCAG 1.4.3: contrast is what the definition says', async t => {
  t.equal(contrast('#000000', '#ffffff'), 21)
  t.equal(contrast('#abc', '#aabbcc'), 1)
  t.equal(contrast('#767676', '#fff').toFixed(2), '4.54')
  t.equal(contrast('#fff', '#767676').toFixed(2), '4.54', 'the order does not matter')
})

t.test('WCAG 1.4.3: there is a readable text colour on every accent', async t => {
  const steps = ['00', '33', '66', '99', 'cc', 'ff']
  const worst = steps
    .flatMap(r => steps.flatMap(g => steps.map(b => `#${r}${g}${b}`)))
    .map(ground => contrast(inkOn(ground), ground))
    .reduce((a, b) => Math.min(a, b))
  t.ok(worst >= READABLE, `the worst of 216 colours has ${worst}`)
  t.equal(inkOn('#1f5eff'), '#ffffff')
  t.equal(inkOn('#ffff00'), '#0d1117')
})

t.test('a colour moves only as far as it must', async t => {
  t.equal(standOut('#1f5eff', '#ffffff', READABLE), '#1f5eff')
  t.equal(standOut('#15f', '#ffffff', READABLE), '#1155ff')
  for (const [colour, ground] of [
    ['#ffff00', '#ffffff'],
    ['#ffffff', '#ffffff'],
    ['#000000', '#171b22'],
    ['#2b2b2b', '#171b22']
  ] as const)
    t.ok(contrast(standOut(colour, ground, READABLE), ground) >= READABLE, `${colour} on ${ground}`)
})
