/** What a person must be told to decide, looked for in a document. */
import { type DrawnDocument, readDocument } from './drawn-document.ts'
import type { ConsentPage, DevicePage, PageModel, SignOutPage } from './model.ts'

/** Whether something is there, and what to say when it is not. */
type Fact = readonly [isThere: boolean, fault: string]

/**
 * What a drawn page keeps from people, or from the form: on the consent page the client and who vouches for it, the place where the answer
 * goes, every permission and every warning; on the page for codes that the code must be on a device of one's own; and everywhere the
 * fields without which no answer counts. Pages that ask nothing have nothing to keep.
 *
 * @param html what was drawn from the model
 * @returns sentences for developers; empty when everything is there
 */
export function missingFacts(html: string, model: PageModel): string[] {
  const facts = factsOf(readDocument(html), model)
  return [...new Set(facts.flatMap(([isThere, fault]) => (isThere ? [] : [fault])))]
}

function factsOf(drawn: DrawnDocument, model: PageModel): readonly Fact[] {
  if (model.page === 'consent') return consentFacts(drawn, model)
  if (model.page === 'device') return deviceFacts(drawn, model)
  return model.page === 'sign-out' ? signOutFacts(drawn, model) : []
}

function consentFacts({ says, hasField, hasForm }: DrawnDocument, model: ConsentPage): Fact[] {
  const { client, answersTo, account } = model
  const lines = [...model.scopes, ...model.alreadyAllowed]
  return [
    [says(client.name) || says(client.shortName), 'the page does not say who asks (client.name or client.shortName)'],
    [
      client.verifiedHost === null ? says(model.words.notVerified) : says(client.verifiedHost),
      'the page does not say who vouches for the client (client.verifiedHost, or words.notVerified)'
    ],
    [says(answersTo.host), 'the page does not say where the answer goes (answersTo.host)'],
    [says(account.displayName), 'the page does not say who is signed in (account.displayName)'],
    ...lines.map(
      (line): Fact => [
        says(line.description),
        `the page does not say what is asked (${model.scopes.includes(line) ? 'scopes' : 'alreadyAllowed'}: description)`
      ]
    ),
    ...lines.flatMap((line): Fact[] => [
      [
        !line.destructive || says(model.words.irreversible),
        'the page does not mark what cannot be undone (scopes: destructive)'
      ],
      [
        line.required || hasField('scope', line.scope),
        'a permission has no checkbox named "scope" with scopes[].scope as value'
      ]
    ]),
    ...model.warnings.map(
      ({ lead, text }): Fact => [
        says(words(lead)) && says(words(text)),
        'the page leaves out a warning (warnings: lead and text)'
      ]
    ),
    ...model.organizations.map(
      ({ id, name }): Fact => [
        says(name) && hasField('organization', id),
        'the page does not let people pick an organization (organizations: radio buttons named "organization")'
      ]
    ),
    [hasForm(model.decisionUrl), 'the page has no form that posts to decisionUrl'],
    [hasField('account', account.proof), 'the form has no hidden field "account" with account.proof'],
    [
      hasField('decision', 'allow') && hasField('decision', 'deny'),
      'the form has no buttons "decision" for "allow" and "deny"'
    ]
  ]
}

function deviceFacts({ says, hasField, hasInput, hasForm }: DrawnDocument, model: DevicePage): Fact[] {
  const { userCode, problem, account } = model
  return [
    [says(words(model.caution)), "the page does not say that the code must be on a device of one's own (caution)"],
    [userCode === null || says(userCode), 'the page does not show the code that is to be compared (userCode)'],
    [problem === null || says(words(problem.words)), 'the page does not say what was wrong with the code (problem)'],
    [says(account.displayName), 'the page does not say who is signed in (account.displayName)'],
    [hasForm(model.submitUrl), 'the page has no form that posts to submitUrl'],
    [
      userCode === null ? hasInput('user_code') : hasField('user_code', userCode),
      'the form has no field "user_code", to be filled in or with userCode'
    ],
    [hasField('proof', model.proof), 'the form has no hidden field "proof" with proof']
  ]
}

function signOutFacts({ says, hasField, hasForm }: DrawnDocument, model: SignOutPage): Fact[] {
  const { client, account, goesTo } = model
  return [
    [
      client === null || says(client.name) || says(client.shortName),
      'the page does not say who asks (client.name or client.shortName)'
    ],
    [says(account.displayName), 'the page does not say who is signed in (account.displayName)'],
    [goesTo === null || says(goesTo), 'the page does not say where the browser goes after that (goesTo)'],
    [hasForm(model.submitUrl), 'the page has no form that posts to submitUrl'],
    [
      hasField('request', model.request) && hasField('proof', model.proof),
      'the form has no hidden fields "request" and "proof"'
    ],
    [
      hasField('decision', 'sign_out') && hasField('decision', 'stay'),
      'the form has no buttons "decision" for "sign_out" and "stay"'
    ]
  ]
}

const words = (sentence: ConsentPage['heading']): string =>
  sentence.map(part => (typeof part === 'string' ? part : part.value)).join('')
