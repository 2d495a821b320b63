/** What administrators change: servers, issuers, our registrations. Every change is told, with who made it. */
import { isDeepStrictEqual } from 'node:util'
import type { Context } from './context.ts'
import { wipeServer } from './disconnect.ts'
import type { Subject } from './events.ts'
import { forgetLook } from './last-look.ts'
import { resetRegistration } from './operations.ts'
import type { ActOptions, Connections, RegisteredServer } from './types.ts'

/** The part of {@link Connections} that is for administrators. */
export type Administration = Pick<
  Connections,
  'registry' | 'wipeServer' | 'resetRegistration' | 'blockIssuer' | 'unblockIssuer' | 'blockedIssuers'
>

export function administrationOf(context: Context): Administration {
  const { registry, blockedIssuers, events } = context
  const about = (server: string): Subject => ({ server, owner: null, id: null })
  const by = ({ actor }: ActOptions = {}) => ({ actor: actor ? Object.freeze({ ...actor }) : null })
  return {
    registry: Object.freeze<Connections['registry']>({
      get: id => registry.get(id),
      list: () => registry.list(),
      async add(id, input, act) {
        const added = await registry.add(id, input)
        const { auth, mode, url } = added.definition
        events.emit('server.added', about(id), { ...by(act), origin: new URL(url).origin, auth, mode })
        return added
      },
      async update(id, input, act) {
        const before = await registry.get(id)
        const after = await registry.update(id, input)
        const { origin } = new URL(after.definition.url)
        events.emit('server.changed', about(id), { ...by(act), origin, changed: changedMembers(before, after) })
        return after
      },
      async remove(id, act) {
        // What cannot be removed is refused before anybody is disconnected.
        if ((await registry.get(id)).source === 'options') return registry.remove(id)
        const disconnected = await wipeServer(context, id)
        const isRemoved = await registry.remove(id)
        await forgetLook(context, id)
        if (isRemoved) events.emit('server.removed', about(id), { ...by(act), disconnected })
        return isRemoved
      },
      async setDisabled(id, disabled, act) {
        await registry.setDisabled(id, disabled)
        events.emit(disabled ? 'server.disabled' : 'server.enabled', about(id), by(act))
      }
    }),
    async wipeServer(server, act) {
      const disconnected = await wipeServer(context, server)
      events.emit('server.wiped', about(server), { ...by(act), disconnected })
      return disconnected
    },
    async resetRegistration(server, act) {
      const isReset = await resetRegistration(context, server)
      if (isReset) events.emit('registration.reset', about(server), by(act))
      return isReset
    },
    async blockIssuer(issuer, act) {
      await blockedIssuers.set(issuer, true)
      events.emit('issuer.blocked', about('*'), { ...by(act), issuer })
    },
    async unblockIssuer(issuer, act) {
      await blockedIssuers.set(issuer, false)
      events.emit('issuer.unblocked', about('*'), { ...by(act), issuer })
    },
    blockedIssuers: () => blockedIssuers.list()
  }
}

/** Names only: the values have addresses and secrets among them. */
function changedMembers(before: RegisteredServer, after: RegisteredServer): string[] {
  const members = new Set([...Object.keys(before.definition), ...Object.keys(after.definition)])
  const of = ({ definition }: RegisteredServer, member: string): unknown => Reflect.get(definition, member)
  return [...members].filter(member => !isDeepStrictEqual(of(before, member), of(after, member))).toSorted()
}
