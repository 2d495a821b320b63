import { join } from 'node:path'
import t from 'tap'
import { templateFiles } from '../../src/pages/index.ts'

t.test('a file of the team stands in for ours of the same name, and no name leads out of the two folders', async t => {
  const folder = t.testdir({
    ours: { 'a.eta': 'ours a', 'b.eta': 'ours b' },
    team: { 'b.eta': 'team b', parts: { 'c.eta': 'team c' } },
    'secret.eta': 'secret'
  })
  const files = templateFiles(join(folder, 'ours'), join(folder, 'team'), 'test')
  t.equal(files.read('a.eta'), 'ours a')
  t.equal(files.read('b.eta'), 'team b')
  t.equal(files.read('parts/c.eta'), 'team c')
  t.strictSame([...files.replaced].toSorted(), ['b.eta', 'parts/c.eta'])
  for (const name of ['../secret.eta', '/etc/passwd', 'none.eta'])
    t.throws(() => files.read(name), { code: 'FST_OAUTH_OPTION', message: /there is no template/ })
  t.equal(templateFiles(`${join(folder, 'ours')}/`, undefined, 'test').read('a.eta'), 'ours a')
})

t.test('a folder that is none is refused by name', async t => {
  const folder = t.testdir({ file: '' })
  for (const wrong of [join(folder, 'nowhere'), join(folder, 'file')])
    t.throws(() => templateFiles(folder, wrong, 'test'), { message: `test: "templates" is not a folder: ${wrong}` })
})
