/**
 * The words of every page, in English. Another language is one more file like this one.
 *
 * Plain and short, second person, present tense. A person who reads a page never meets the vocabulary of the protocol.
 */
import type { Messages } from '@fastify-mcp-auth/core/pages'

export const en = {
  'name.unverified': '“{name}”',
  'name.unknown': 'the app',

  'consent.heading': '{client} wants to use {resource} for you',
  'consent.heading.more': {
    one: '{client} asks for one more permission',
    other: '{client} asks for {count} more permissions'
  },
  'consent.intro': 'You decide what it may do.',
  'consent.intro.manage': 'You decide what it may do. You can take this back at any time.',
  'consent.intro.more': 'It already works with {resource}. You decide whether it may do more.',

  'consent.askedBy': 'Asked by',
  'consent.verified': 'verified',
  'consent.notVerified': 'not verified',
  'consent.wholeName': 'Show the whole name',
  'consent.firstTime': 'first time',
  'consent.known': 'you have allowed it before',
  'consent.answersTo': 'Answers go to',
  'consent.answersTo.loopback': '{host} (a program on this computer)',
  'consent.answersTo.device': 'the device that shows the code {code}',
  'consent.answersTo.privateUse': 'an app on this device that opens {scheme} links',
  'consent.signedInAs': 'Signed in as',
  'consent.switchAccount': 'not you?',

  'consent.organization': 'Acting for',
  'consent.organization.pick': 'It may act for',

  'consent.may': 'It may',
  'consent.may.more': 'It may also',
  'consent.needed': 'needed',
  'consent.irreversible': 'cannot be undone',
  'consent.tools': { one: '1 tool: {names}', other: '{count} tools: {names}' },
  'consent.tools.some': { one: '1 tool, such as {names}', other: '{count} tools, such as {names}' },
  'consent.tools.all': 'Show all tools',
  'consent.includes': 'Includes: {list}',
  'consent.alreadyAllowed': 'Already allowed',
  'consent.manage': 'Manage connected apps',

  'consent.details': 'Details',
  'consent.details.client': 'Identifier of the app',
  'consent.details.answersTo': 'Whole address of the answer',
  'consent.details.place': 'Address it wants to use',
  'consent.details.site': 'Website of the app',
  'consent.details.privacy': 'Its privacy policy',
  'consent.details.terms': 'Its terms of use',

  'consent.deny': 'Deny',
  'consent.allow': 'Allow',
  'consent.until.days': { one: 'Access lasts one day at most.', other: 'Access lasts {count} days at most.' },
  'consent.until.hours': { one: 'Access lasts one hour at most.', other: 'Access lasts {count} hours at most.' },
  'consent.until.minutes': { one: 'Access lasts one minute at most.', other: 'Access lasts {count} minutes at most.' },

  'warning.started': 'Only continue if you started this yourself.',
  'warning.loopback': 'Any program on this computer can receive the answer, and nobody has verified who {client} is.',
  'warning.loopback.verified': 'Any program on this computer can say that it is {client} and receive the answer.',
  'warning.privateUse': 'Another app on this device can open {scheme} links too, and would then receive the answer.',
  'warning.device': 'Only continue if a device of your own shows {code}.',
  'warning.device.text':
    'That device gets what you allow. If somebody gave you this code, deny: the access would be theirs.',
  'warning.firstTime':
    'Nobody has verified who {client} is, and you have not used it here before. The answer goes to {host}.',
  'warning.imitation': 'This name looks like {own}.',
  'warning.imitation.text': 'Nobody has verified that it comes from there. Deny if you are not sure.',
  'warning.mixedScripts': 'Look closely at the name {client}.',
  'warning.mixedScripts.text':
    'It mixes letters of different alphabets that look alike. Names like this are used to imitate others. Deny if you are not sure.',

  'connected.heading': 'Connected apps',
  'connected.intro': 'These apps can use {brand} for you. Disconnect what you do not need any more.',
  'connected.none': 'No app can use {brand} for you. When one asks, you decide.',
  'connected.notice.one': 'The app is disconnected. It has no access any more.',
  'connected.notice.all': 'All apps are disconnected. None has access any more.',
  'connected.notice.stale':
    'Nothing was changed: this page was open for too long, or you signed in as somebody else. Look again.',
  'connected.uses': 'Uses',
  'connected.since': 'Connected {day}',
  'connected.lastActive': 'last active {ago}',
  'connected.ends': 'Access ends {day} at the latest',
  'connected.disconnect': 'Disconnect',
  'connected.disconnect.named': 'Disconnect {client}',
  'connected.disconnectAll': 'Disconnect all apps',
  'connected.disconnectAll.text':
    'All apps lose their access at once. Those that you still need have to ask you again.',
  'connected.next': 'More apps',
  'connected.first': 'Back to the first apps',
  'connected.note': 'Disconnecting takes effect at once. What an app has already read stays with it.',

  'device.heading': 'Connect a device',
  'device.heading.compare': 'Does your device show this code?',
  'device.text': 'Enter the code that your device shows. Then you decide what it may do.',
  'device.text.compare': 'Look at your device and compare. Then you decide what it may do.',
  'device.caution':
    'Only enter a code that you see on a device of your own. A code that somebody gave you would let them in.',
  'device.caution.compare':
    'Anybody can send a link like this one. If the code is not on a device in front of you, close this page: whoever sent it would get in.',
  'device.code': 'Code',
  'device.proceed': 'Continue',
  'device.proceed.compare': 'Yes, it does',
  'device.otherCode': 'No, enter another',
  'device.problem.unknown': 'This code is not right. Look at your device and try again.',
  'device.problem.expired': 'This code has expired. Ask your device for a new one.',
  'device.problem.used':
    'This code does not work any more: it was answered, or entered too often. Ask your device for a new one.',
  'device.allowed.heading': '{client} is connected',
  'device.allowed.text': 'Go back to your device, it carries on there. You can close this page.',
  'device.denied.heading': 'You said no',
  'device.denied.text': 'Nothing was shared. You can close this page.',

  'signOut.heading': 'Sign out of {brand}?',
  'signOut.text': 'This ends your session in this browser. Apps that you connected keep their access.',
  'signOut.goesTo': 'Then you go to',
  'signOut.stay': 'Stay signed in',
  'signOut.signOut': 'Sign out',

  'signedOut.heading': 'You are signed out',
  'signedOut.text':
    'Nobody can use {brand} in this browser until somebody signs in. Apps that you connected keep their access.',
  'signedOut.heading.not': 'You are still signed in',
  'signedOut.text.not': 'This browser is signed in as {account}. Sign out in {brand} to end that.',
  'signedOut.signIn': 'Sign in again',

  'error.reference': 'Reference for support',

  'error.unknown_client.title': '{brand} does not know this app any more',
  'error.unknown_client.text': 'It was removed here, or it has not been used for a long time. Nothing was shared.',
  'error.unknown_client.next': 'Remove it in your assistant and add it again.',

  'error.client_forgotten.title': 'This app is not registered with {brand} any more',
  'error.client_forgotten.text':
    'The registration of {client} has ended: it was removed, or it was not used for a long time. Nothing was shared.',
  'error.client_forgotten.next': 'Remove {brand} in your assistant and add it again. That registers it anew.',

  'error.client_metadata.title': 'We could not check who is asking',
  'error.client_metadata.text': 'The app’s description of itself could not be read. Nothing was shared.',
  'error.client_metadata.next': 'Try again in a few minutes. If that does not help, tell the people who make the app.',

  'error.redirect_uri.title': 'The answer would go to an unknown place',
  'error.redirect_uri.text':
    'The app asked for the answer at an address that it never told us about. We stopped here. Nothing was shared.',
  'error.redirect_uri.next': 'If you did not start this yourself, close this page. If you did, add the app again.',

  'error.invalid_request.title': 'This request is not complete',
  'error.invalid_request.text': 'Something in it is missing or was changed on the way. Nothing was shared.',
  'error.invalid_request.next': 'Go back to {client} and connect again.',

  'error.interaction_unknown.title': 'We cannot find this request',
  'error.interaction_unknown.text': 'The address is wrong, or the request ended long ago.',
  'error.interaction_unknown.next': 'Go back to {client} and connect again.',

  'error.interaction_expired.title': 'This request has expired',
  'error.interaction_expired.text': 'It waited too long for your answer. Nothing was shared.',
  'error.interaction_expired.next': 'Go back to {client} and connect again.',

  'error.interaction_answered.title': 'You have already answered',
  'error.interaction_answered.text': 'A request can be answered once, and your first answer counts.',
  'error.interaction_answered.next': 'Go back to {client}. If it is not connected, connect again.',

  'error.interaction_other_browser.title': 'This request began in another browser',
  'error.interaction_other_browser.text': 'To keep you safe, it can only be answered where it began.',
  'error.interaction_other_browser.next': 'Open the page there, or connect again from {client}.',

  'error.account_changed.title': 'You are signed in with another account now',
  'error.account_changed.text': 'The question was meant for the other account. Your answer did not count.',
  'error.account_changed.next': 'Go back to {client} and connect again.',

  'error.rate_limited.title': 'That was too often',
  'error.rate_limited.text': 'There were too many tries in a short time.',
  'error.rate_limited.next': 'Wait a minute, then try again.',

  'error.unavailable.title': '{brand} cannot answer right now',
  'error.unavailable.text': 'Something that it needs is not reachable. Nothing was lost.',
  'error.unavailable.next': 'Try again in a few minutes.',

  'error.server_error.title': 'Something went wrong here',
  'error.server_error.text': 'This is our fault, not yours.',
  'error.server_error.next': 'Go back to {client} and connect again. If it happens again, tell us the reference below.'
} as const satisfies Messages
