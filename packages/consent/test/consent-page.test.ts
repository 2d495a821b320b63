import t from 'tap'
import { buildApp, consentRequest, fakeServer, openPage, scope, unverified } from './fake-server.ts'

const draw = async (changes?: Parameters<typeof consentRequest>[0]): Promise<string> =>
  (await openPage({ fake: fakeServer(consentRequest(changes)) })).html

t.test('PX-3: the page says who asks, for what, and where the answer goes', async t => {
  const html = await draw()
  t.match(html, '<h1><bdi>Claude</bdi> wants to use <bdi>Acme Notes</bdi> for you</h1>')
  t.match(
    html,
    /Asked by<\/dt><dd class="asked-by"><div><div class="pieces"><bdi>Claude<\/bdi>.*verified<\/span> <bdi>claude\.ai<\/bdi>/
  )
  t.match(html, 'Answers go to</dt><dd class="address"><bdi>claude.ai</bdi></dd>')
  t.match(html, '<bdi>alice@example.com</bdi>')
  t.match(html, '<a href="/login?switch=1">not you?</a>')
  t.match(html, 'Access lasts 90 days at most.')
  t.notMatch(html, 'class="warning"', 'and nothing to fear when there is nothing to fear')
})

t.test('RFC 7591 2.2: the page uses the name in its own language, made as harmless as any other', async t => {
  const named = (names: Record<string, string>) => draw({ client: { name: 'Claude', names, verifiedHost: null } })
  t.match(await named({ ja: 'クロード', en: 'Claude EN' }), '<bdi>Claude EN</bdi>')
  t.match(await named({ 'EN-gb': 'Claude GB', 'en-x-1': 'no' }), '<bdi>Claude GB</bdi>')
  t.match(await named({ ja: 'クロード' }), '<h1>“<bdi>Claude</bdi>” wants')
  t.match(await named({ en: '\u202E\u200B' }), '<h1>“<bdi>Claude</bdi>” wants', 'one that shows nothing is no name')
  t.match(await named({ en: 'Acme Notes' }), 'class="warning"', 'and it does not get past the warning of an imitation')
})

t.test(
  'a place has the name that it has in the language of the reader; no translation of it may be imitated',
  async t => {
    const resources = [{ resource: 'https://notes.example/mcp', name: { en: 'Acme Notes', de: 'Zettelkasten' } }]
    const open = async (acceptLanguage: string, changes: Parameters<typeof consentRequest>[0] = {}) => {
      const app = await buildApp({ fake: fakeServer(consentRequest({ resources, ...changes })) })
      const headers = { 'accept-language': acceptLanguage }
      const { body } = await app.inject({ url: '/oauth/interaction/handle-1', headers })
      await app.close()
      return body
    }
    t.match(await open('de'), 'möchte <bdi>Zettelkasten</bdi> für Sie nutzen')
    t.match(await open('de'), '<bdi class="brand-name">Zettelkasten</bdi>', 'also where it stands in for the brand')
    t.match(await open('ja'), '<bdi>Acme Notes</bdi>')
    t.match(
      await open('en', { client: { name: 'Zеttelkasten', verifiedHost: null } }),
      'looks like <bdi>Zettelkasten</bdi>'
    )
  }
)

t.test('PX-3: the form carries the proof of the account and nothing that the server has frozen', async t => {
  const html = await draw({ account: { proof: 'p"><script>' } })
  const [form = ''] = /<form.*<\/form>/.exec(html) ?? []
  t.match(form, '<form method="post" action="/oauth/interaction/handle-1" autocomplete="off">')
  const names = [...form.matchAll(/ name="(\w+)"/g)].map(([, name]) => name)
  t.strictSame([...new Set(names)], ['account', 'scope', 'decision'])
  t.match(form, 'name="account" value="p&quot;&gt;&lt;script&gt;"')
  t.strictSame(
    [...form.matchAll(/name="decision" value="(\w+)"/g)].map(([, value]) => value),
    ['deny', 'allow']
  )
})

t.test('scopes are sentences: needed ones locked, dangerous ones marked, optional ones free', async t => {
  const html = await draw()
  const boxes = [...html.matchAll(/<input type="checkbox"[^>]*>/g)].map(([tag]) => tag)
  t.strictSame(boxes, [
    '<input type="checkbox" name="scope" value="mcp:tools" checked disabled>',
    '<input type="checkbox" name="scope" value="notes:read" checked>',
    '<input type="checkbox" name="scope" value="notes:admin">'
  ])
  t.match(html, '<span>See who you are</span> <span class="tag">needed</span>')
  t.match(html, '<span>Delete notes</span> <span class="tag tag-danger">cannot be undone</span>')
  t.match(html, '3 tools: <bdi>list notes</bdi>, <bdi>search</bdi>, <bdi>open</bdi>')
  t.match(html, '1 tool: <bdi>delete all notes</bdi>')
})

t.test('REG-12: an unverified name stands in quotation marks, and the host is shown', async t => {
  const html = await draw({ client: { verifiedHost: null } })
  t.match(html, '<h1>“<bdi>Claude</bdi>” wants to use')
  t.match(html, '<span class="soft">not verified</span>')
  t.match(html, '<bdi>claude.ai</bdi>')
  t.notMatch(html, 'class="verified"')
})

t.test('REG-11: an answer that goes to this computer is warned about', async t => {
  const html = await draw(unverified)
  t.match(html, '<bdi>127.0.0.1</bdi> (a program on this computer)')
  t.match(html, 'nobody has verified who “<bdi>My helper</bdi>” is.')
  const verified = await draw({ redirect: unverified.redirect ?? {} })
  t.match(verified, 'Any program on this computer can say that it is <bdi>Claude</bdi> and receive the answer.')
})

t.test('RFC 8252 8.6: an answer that goes to an app by its scheme is warned about', async t => {
  const html = await draw({
    redirect: { uri: 'cursor://x/callback', kind: 'private-use', host: 'cursor', formAction: 'cursor:' }
  })
  t.match(html, 'an app on this device that opens <bdi>cursor:</bdi> links')
  t.match(html, 'Another app on this device can open <bdi>cursor:</bdi> links too')
})

t.test('RFC 9700 4.14: a name that imitates is pointed out, unless the app itself vouches for it', async t => {
  const imitation = { name: 'Аcme Notes Support', verifiedHost: null }
  t.match(await draw({ client: imitation }), '<strong>This name looks like <bdi>Acme Notes</bdi>.</strong>')
  t.match(await draw({ client: { name: 'Clаude', verifiedHost: null } }), 'It mixes letters of different alphabets')
  t.notMatch(await draw({ client: { ...imitation, verifiedHost: 'notes.example' } }), 'class="warning"')
})

t.test('hosts are shown in punycode', async t => {
  const html = await draw({
    client: { verifiedHost: 'сlaude.ai' },
    redirect: { kind: 'https', host: 'сlaude.ai:8443', uri: '', formAction: '' }
  })
  t.match(html, '<bdi>xn--laude-0ye.ai</bdi>')
  t.match(html, '<bdi>xn--laude-0ye.ai:8443</bdi>')
  t.notMatch(html, 'сlaude.ai')
})

t.test('hostile names stay harmless', async t => {
  const html = await draw({
    client: { name: `<img src=x onerror=alert(1)>\u202E${'W'.repeat(200)}`, verifiedHost: null },
    account: { displayName: '"><script>alert(2)</script>', switchUrl: '/login?a="><b>' },
    resources: [{ resource: 'https://notes.example/mcp', name: '</title><h1>' }],
    scopes: [scope('a"b', '<b>Read</b>', { detail: '<i>', tools: ['<u>'] })]
  })
  t.notMatch(html, /<img|<script|<b>|<i>|<u>|<\/title><h1>|\u202E/)
  t.match(html, '<summary>Show the whole name</summary>')
  t.match(html, `${'W'.repeat(200)}</bdi></details>`, 'the whole name can be had')
  t.match(html, /<h1>“<bdi>[^<]{30,60}…<\/bdi>” wants/, 'but does not fill the heading')
  t.match(await draw({ client: { name: '\u202E\u200B', verifiedHost: null } }), '<h1>“<bdi>the app</bdi>” wants')
})

t.test('a step-up shows what is new and folds what it has', async t => {
  const had = [scope('notes:read', 'Read your notes', { granted: true })]
  const html = await draw({ stepUp: true, scopes: [...had, scope('notes:admin', 'Delete notes')] })
  t.match(html, '<h1><bdi>Claude</bdi> asks for one more permission</h1>')
  t.match(
    html,
    /It may also.*value="notes:admin".*<details class="fold already"><summary>Already allowed<\/summary>.*value="notes:read"/
  )
  const two = await draw({ stepUp: true, scopes: [...had, scope('a', 'A'), scope('b', 'B')] })
  t.match(two, 'asks for 2 more permissions')
  const nothingNew = await draw({ stepUp: true, scopes: had })
  t.match(nothingNew, 'wants to use', 'nothing new is an ordinary question')
  t.notMatch(nothingNew, 'Already allowed')
})

t.test('the end of access is never told too early', async t => {
  t.match(await draw({ grantTtl: 86_401 }), 'Access lasts 2 days at most.')
  t.match(await draw({ grantTtl: 3_600 }), 'Access lasts one hour at most.')
  t.match(await draw({ grantTtl: 90 }), 'Access lasts 2 minutes at most.')
})

t.test('a host that vouches for a name does not make the name its own', async t => {
  const evil = { client: { name: 'Acme Notes', verifiedHost: 'evil.example' } }
  t.match(await draw(evil), 'This name looks like')
  const mixed = { client: { name: 'Cl\u0430ude', verifiedHost: 'evil.example' } }
  t.match(await draw(mixed), 'Look closely at the name')
})

t.test('what a permission brings along stands under it', async t => {
  const html = await draw({ scopes: [scope('a', 'Delete notes', { includes: ['Read your notes', 'Write notes'] })] })
  t.match(html, 'Includes: Read your notes · Write notes')
})

t.test(
  'uploads 231: an organization is told; where there is a choice it is picked, without script, and none beforehand',
  async t => {
    const one = await draw({ organizations: [{ id: 'acme', name: 'Acme' }] })
    t.match(one, '<dt>Acting for</dt><dd><bdi>Acme</bdi></dd>')
    t.notMatch(one, 'type="radio"')
    const none = await draw()
    t.notMatch(none, 'Acting for')
    const two = await draw({
      organizations: [
        { id: 'a"c', name: '<b>Acme</b>' },
        { id: 'globex', name: 'Globex' }
      ]
    })
    const radios = [...two.matchAll(/<input type="radio"[^>]*>/g)].map(([tag]) => tag)
    t.strictSame(radios, [
      '<input type="radio" name="organization" value="a&quot;c" required>',
      '<input type="radio" name="organization" value="globex" required>'
    ])
    t.match(two, '<legend>It may act for</legend>')
    t.match(two, '<bdi>&lt;b&gt;Acme&lt;/b&gt;</bdi>')
    t.match(two, 'value="deny" formnovalidate>', 'to say no nothing has to be picked')
    t.notMatch(two, '<b>')
  }
)

t.test('RFC 8707 2: several resources are named together', async t => {
  const resources = ['Notes', 'Calendar'].map(name => ({ resource: `https://notes.example/${name}`, name }))
  t.match(await draw({ resources }), 'wants to use <bdi>Notes</bdi> and <bdi>Calendar</bdi> for you')
})

t.test('whether an app is new here is a fact; when nobody vouches for it either, a warning', async t => {
  t.match(await draw({ firstTime: true }), '<span class="soft">first time</span>')
  t.match(await draw(), '<span class="soft">you have allowed it before</span>')
  t.notMatch(await draw({ firstTime: true }), 'class="warning"')
  const unknown = { client: { verifiedHost: null }, firstTime: true }
  t.match(
    await draw(unknown),
    'Nobody has verified who “<bdi>Claude</bdi>” is, and you have not used it here before. The answer goes to <bdi>claude.ai</bdi>.'
  )
  t.notMatch(await draw({ ...unknown, firstTime: false }), 'class="warning"')
})

t.test('details: links only where a host vouches for them, and only to https', async t => {
  const links = { clientUri: 'https://claude.ai/', policyUri: 'http://claude.ai/p', tosUri: 'javascript:alert(1)' }
  const html = await draw({ client: links })
  t.match(
    html,
    '<a href="https://claude.ai/" target="_blank" rel="noopener noreferrer"><bdi>https://claude.ai/</bdi></a>'
  )
  t.match(html, '<dd><bdi>http://claude.ai/p</bdi></dd>')
  t.notMatch(html, 'href="javascript')
  t.match(html, '<dd><bdi>https://claude.ai/callback</bdi></dd>')
  t.notMatch(await draw({ client: { ...links, verifiedHost: null } }), 'target="_blank"')
})

t.test('descriptions are said in the language of the page', async t => {
  const words = { en: 'Read your notes', de: 'Ihre Notizen lesen' }
  const scopes = [scope('a', words, { detail: { en: 'All', de: 'Alle' }, includes: [words, 'x'] })]
  t.match(await draw({ scopes }), /Read your notes<\/span>.*All.*Includes: Read your notes · x/)
  t.match(
    await draw({ scopes, uiLocales: ['de'] }),
    /Ihre Notizen lesen<\/span>.*Alle.*Umfasst auch: Ihre Notizen lesen/
  )
})
