import t from 'tap'
import { formBody, parseForms } from '../src/index.ts'

const PAGE = `
  <!-- <form action="/commented"><input name="a"></form> -->
  <script>document.write('<form action="/script"></form>')</script>
  <form id="main" method="post" action="/decide?x=1&amp;y=2">
    <input type=hidden name="csrf" value="a&amp;b&quot;&#39;&#x3c;">
    <input type="checkbox" name="scope" value="mcp:tools" checked disabled>
    <input type="checkbox" name="scope" value="notes:read" checked>
    <input type="checkbox" name="scope" value="notes:write" />
    <input name="note" value='a > b'>
    <input type="text" name="off" value="x" disabled>
    <input name="">
    <button name="decision" value="deny">Deny</button>
    <button name="decision" value="broken" disabled>Broken</button>
    <button type="button" name="menu">Menu</button>
  </form>
  <button form="main" name="decision" value="allow">Allow</button>
  <form action="search"><input type="search" name="q"></form>`

t.test('reads forms, their controls and what belongs to them by id; not comments and scripts', async t => {
  const [main, search, ...others] = parseForms(PAGE, 'https://example.com/a/page')
  t.equal(others.length, 0)
  t.equal(main?.action, 'https://example.com/decide?x=1&y=2')
  t.equal(main?.method, 'POST')
  t.strictSame(main?.buttons, [
    { name: 'decision', value: 'deny' },
    { name: 'decision', value: 'allow' }
  ])
  t.equal(search?.action, 'https://example.com/a/search')
  t.equal(search?.method, 'GET')
})

t.test('submits as a browser does: ticked boxes, hidden fields, the pressed button, nothing disabled', async t => {
  const [form] = parseForms(PAGE, 'https://example.com/a/page')
  if (!form) return t.fail('no form')
  t.strictSame(
    [...formBody(form, { fields: { note: 'milk' } })],
    [
      ['csrf', `a&b"'<`],
      ['scope', 'notes:read'],
      ['note', 'milk'],
      ['decision', 'deny']
    ]
  )
})

t.test('ticks exactly the wished boxes and presses the wished button', async t => {
  const [form] = parseForms(PAGE, 'https://example.com/a/page')
  if (!form) return t.fail('no form')
  const button = { name: 'decision', value: 'allow' }
  const body = formBody(form, { ticked: { scope: ['notes:write', 'mcp:tools'] }, button })
  t.strictSame(body.getAll('scope'), ['notes:write'])
  t.equal(body.get('decision'), 'allow')
  t.strictSame(formBody(form, { ticked: { scope: [] } }).getAll('scope'), [])
})
