/**
 * Fastify with one route and no check at all, sent the same header as everybody else: the floor that ratios are taken from.
 * Leaves out everything; the only contender that is not asked to prove itself.
 */
import fastify from 'fastify'
import { listen } from '../../listen.ts'
import { ANSWER, PATH, type ProtectionContender } from '../protection.ts'

export const contender: ProtectionContender = {
  does: 'answers; checks nothing',
  leavesOut: 'every check',
  start() {
    const app = fastify()
    app.get(PATH, async () => ANSWER)
    return listen(app)
  }
}
