import t from 'tap'
import { describeBrand, pageHeaders } from '../../src/pages/index.ts'

t.test('a page loads from nowhere but this origin, and shows the images that it names', async t => {
  const policy = (needs: Partial<Parameters<typeof pageHeaders>[0]>): string[] =>
    (pageHeaders({ formAction: "'self'", images: [], ...needs })['content-security-policy'] ?? '').split('; ')
  t.strictSame(policy({}), [
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'none'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'self'"
  ])
  const images = ['https://a.example/l;o,go.png?x=1', 'https://a.example/l;o,go.png']
  t.ok(policy({ images }).includes('img-src https://a.example/l%3Bo%2Cgo.png'))
  const more = policy({ images, sameOrigin: ['images', 'fonts', 'scripts'] })
  t.ok(more.includes("img-src 'self' https://a.example/l%3Bo%2Cgo.png"))
  t.ok(more.includes("font-src 'self'") && more.includes("script-src 'self'"))
})

t.test('a brand without a name takes that of the app, and its links speak the language of the page', async t => {
  const links = [{ text: { en: 'Help', de: 'Hilfe' }, url: '/help' }]
  t.strictSame(describeBrand({ links }, 'éclair\u202E', 'de-AT'), {
    name: 'éclair',
    initial: 'É',
    logoUrl: null,
    links: [{ text: 'Hilfe', url: '/help' }]
  })
})
