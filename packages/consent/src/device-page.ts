/** Turns the code of a device, and what came of it, into the models of two pages. */
import type { DeviceCodeRequest, DeviceFinished } from '@fastify-mcp-auth/core'
import { cleanName, plainText } from '@fastify-mcp-auth/core/pages'
import { describeClient, quoted } from './client-name.ts'
import type { DeviceDonePage, DevicePage } from './model.ts'
import type { Surroundings } from './pages.ts'

/** Never sends the form by itself, and never shows a code as if it were right: only the device of the person can say that. */
export function describeDevice(
  { submitUrl, userCode, problem, account, proof }: DeviceCodeRequest,
  { frame, locale }: Surroundings
): DevicePage {
  const isLink = userCode !== null
  const heading = locale.say(isLink ? 'device.heading.compare' : 'device.heading', {})
  return {
    ...frame,
    page: 'device',
    title: plainText(heading),
    heading,
    text: locale.say(isLink ? 'device.text.compare' : 'device.text', {}),
    caution: locale.say(isLink ? 'device.caution.compare' : 'device.caution', {}),
    submitUrl,
    userCode,
    problem: problem === null ? null : { kind: problem, words: locale.say(`device.problem.${problem}`, {}) },
    account: { displayName: cleanName(account.displayName), switchUrl: account.switchUrl },
    proof,
    otherCodeUrl: isLink ? '?' : null,
    words: {
      signedInAs: locale.word('consent.signedInAs'),
      switchAccount: locale.word('consent.switchAccount'),
      code: locale.word('device.code'),
      proceed: locale.word(isLink ? 'device.proceed.compare' : 'device.proceed'),
      otherCode: locale.word('device.otherCode')
    }
  }
}

/** @param manageUrl page of connected apps; null where there is none */
export function describeDeviceDone(
  { client, outcome }: DeviceFinished,
  { frame, locale }: Surroundings,
  manageUrl: string | null
): DeviceDonePage {
  const named = describeClient(client, locale)
  const heading = locale.say(`device.${outcome}.heading`, { client: quoted(named, locale) })
  return {
    ...frame,
    page: 'device-done',
    title: plainText(heading),
    outcome,
    client: named,
    heading,
    text: locale.say(`device.${outcome}.text`, {}),
    manageUrl: outcome === 'allowed' ? manageUrl : null,
    words: { manage: locale.word('consent.manage') }
  }
}
