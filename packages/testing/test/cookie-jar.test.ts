import t from 'tap'
import { createCookieJar } from '../src/cookie-jar.ts'

t.test('RFC 6265 5: sends a cookie back to its host and path only', async t => {
  const jar = createCookieJar()
  jar.store('https://a.example/oauth/authorize', ['sid=1; Path=/oauth; Secure; HttpOnly', 'here=2'])
  t.equal(jar.header('https://a.example/oauth/token'), 'sid=1; here=2')
  t.equal(jar.header('https://a.example/oauthx'), '')
  t.equal(jar.header('http://a.example/oauth'), 'here=2')
  t.equal(jar.header('https://b.example/oauth'), '')
})

t.test('RFC 6265 5: a later cookie of the name replaces, and removal removes', async t => {
  const jar = createCookieJar()
  jar.store('https://a.example/', ['sid=1; Path=/', 'gone=1; Path=/', 'zero=1; Path=/'])
  jar.store('https://a.example/', ['sid=2; Path=/', 'gone=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT'])
  jar.store('https://a.example/', ['zero=; Path=/; Max-Age=0'])
  t.equal(jar.header('https://a.example/'), 'sid=2')
  t.strictSame([...jar.seen], ['1', '2'])
})

t.test(
  'RFC 6265bis 4.1.3: drops cookies that break the promise of their name, or that no strict browser would keep',
  async t => {
    const jar = createCookieJar()
    jar.store('https://a.example/', ['__Host-a=1; Path=/', '__Host-b=1; Path=/x; Secure', '__Secure-c=1'])
    jar.store('https://a.example/', ['__Host-d=1; Path=/; Secure; Domain=a.example', 'nonsense'])
    jar.store('http://127.0.0.1:3000/', ['e=1; Secure', '__Host-f=1; Path=/; Secure'])
    t.equal(jar.header('https://a.example/x') + jar.header('http://127.0.0.1:3000/'), '')
    jar.store('https://a.example/', ['__Host-g=1; Path=/; Secure'])
    t.equal(jar.get('__Host-g'), '1')
    jar.remove('__Host-g')
    t.equal(jar.get('__Host-g'), undefined)
  }
)
