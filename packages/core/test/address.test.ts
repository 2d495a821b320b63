import fc from 'fast-check'
import t from 'tap'
import { addressKind, addressRanges } from '../src/address.ts'

t.test('CD-13: public addresses', async t => {
  for (const address of [
    '1.1.1.1',
    '8.8.8.8',
    '100.63.255.255',
    '172.32.0.1',
    '2606:4700::1111',
    '2a00:1450::1',
    '::ffff:8.8.8.8'
  ])
    t.equal(addressKind(address), 'public', address)
})

t.test('CD-13: loopback is told apart', async t => {
  for (const address of ['127.0.0.1', '127.255.255.254', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1'])
    t.equal(addressKind(address), 'loopback', address)
})

const REFUSED: Record<string, string[]> = {
  'this network': ['0.0.0.0', '0.1.2.3', '::'],
  'private use': ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '::ffff:10.0.0.1', '::ffff:c0a8:101'],
  'carrier-grade NAT': ['100.64.0.1', '100.127.255.255', '100.100.100.200'],
  'link-local and metadata': ['169.254.169.254', 'fe80::1', 'fe80::1%eth0', '::ffff:169.254.169.254', '168.63.129.16'],
  'unique local': ['fc00::1', 'fd00:ec2::254', 'fd20:ce::254'],
  multicast: ['224.0.0.1', '239.255.255.250', 'ff02::1'],
  broadcast: ['255.255.255.255'],
  reserved: ['240.0.0.1', '192.0.0.192', '192.0.2.1', '198.18.0.1', '198.51.100.1', '203.0.113.1', '192.88.99.1'],
  documentation: ['2001:db8::1', '3fff::1'],
  NAT64: ['64:ff9b::7f00:1', '64:ff9b::8.8.8.8', '64:ff9b:1::1'],
  '6to4': ['2002:7f00:1::', '2002:808:808::1'],
  Teredo: ['2001:0:7f00:1::1'],
  'IPv4-compatible': ['::127.0.0.1', '::7f00:1', '::8.8.8.8'],
  'IPv4-translated': ['::ffff:0:127.0.0.1', '::ffff:0:7f00:1'],
  'site-local': ['fec0::1'],
  'discard only': ['100::1'],
  'outside of 2000::/3': ['4000::1', '5f00::1', '8000::1', 'e000::1', '1::1'],
  'other spellings of IPv4': [
    '127.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '127.0.0.01',
    '0x7f.0.0.1',
    '8.8.8',
    '134744072'
  ],
  'not an address': [
    '',
    'localhost',
    'example.com',
    '1.1.1.1 ',
    ' 1.1.1.1',
    '1.1.1.1\n',
    '[::1]',
    '256.1.1.1',
    '::1::',
    '1.1.1.1/8'
  ]
}

for (const [what, addresses] of Object.entries(REFUSED))
  t.test(`CD-13: refused: ${what}`, async t => {
    for (const address of addresses) t.equal(addressKind(address), 'private', JSON.stringify(address))
  })

t.test('CD-13: mapping an IPv4 address into IPv6 does not change the verdict', async t => {
  fc.assert(fc.property(fc.ipV4(), address => addressKind(`::ffff:${address}`) === addressKind(address)))
  t.pass('held')
})

t.test('CD-13: no IPv6 address outside of 2000::/3 is public', async t => {
  fc.assert(
    fc.property(fc.ipV6(), address => {
      const first = Number.parseInt(address.split(':')[0] || '0', 16)
      return addressKind(address) !== 'public' || (first >= 0x2000 && first <= 0x3fff) || address.includes('ffff:')
    })
  )
  t.pass('held')
})

t.test('CD-13: any text has an answer', async t => {
  fc.assert(
    fc.property(fc.string(), text => addressKind(text) === 'private' || text.includes('.') || text.includes(':'))
  )
  t.pass('held')
})

t.test('addresses of both families, in every spelling, and nothing else', async t => {
  const inside = addressRanges(['160.79.104.0/21', '2001:db8::/32'])
  for (const address of ['160.79.104.0', '160.79.111.255', '::ffff:160.79.104.7', '::ffff:a04f:6801', '2001:DB8::1'])
    t.equal(inside(address), true, address)
  for (const address of [
    '160.79.112.0',
    '160.79.103.255',
    '::160.79.104.1',
    '2001:db9::1',
    'localhost',
    '',
    '160.79.104'
  ])
    t.equal(inside(address), false, address)
  t.equal(addressRanges([])('192.0.2.1'), false)
})

t.test('a range that is none is named', async t => {
  for (const range of ['160.79.104.0', '160.79.104.0/33', 'example.com/24', ''])
    t.throws(() => addressRanges([range]), new RangeError(`${range} is no range of addresses in CIDR notation`))
})
