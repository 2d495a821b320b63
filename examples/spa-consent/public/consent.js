/** Draws the question with the DOM alone, which cannot be made to run a name, and sends the answer back. */
const api = `/oauth/interaction/${location.pathname.split('/').at(-1)}`
// A header that no form of another site can send; the cookie of this browser goes along by itself.
const headers = { 'x-mcp-auth': '1', 'content-type': 'application/json' }
const ask = async (path, options) => show(await (await fetch(`${api}/${path}`, { headers, ...options })).json())

function show(model) {
  if (model.page === 'redirect') return location.replace(model.redirectTo)
  Object.assign(document.documentElement, { lang: model.lang, dir: model.dir })
  document.title = model.title
  document.head.append(make('link', { rel: 'stylesheet', href: model.stylesheetUrl }))
  const card = make('div', { className: 'card' }, ...(model.page === 'error' ? failure(model) : question(model)))
  document.querySelector('main').replaceChildren(card)
}

const failure = model => [
  make('h1', {}, ...model.heading),
  make('p', {}, ...model.text, ' ', ...model.next),
  make('p', {}, `${model.words.reference}: ${model.reference}`)
]

function question({ words, client, account, ...model }) {
  const choices = [...model.organizations.map(organization), ...[...model.scopes, ...model.alreadyAllowed].map(scope)]
  const buttons = make('div', { className: 'decision' }, button('deny', words), button('allow', words))
  const form = make('form', {}, ...choices, buttons)
  form.addEventListener('submit', event => {
    event.preventDefault()
    const data = new FormData(form)
    const chosen = { scope: data.getAll('scope'), organization: data.get('organization') ?? undefined }
    const body = JSON.stringify({ decision: event.submitter.value, account: account.proof, ...chosen })
    ask('decision', { method: 'POST', body })
  })
  return [
    make('h1', {}, ...model.heading),
    make('p', {}, `${words.askedBy} `, { value: client.name }, ` (${client.verifiedHost ?? words.notVerified})`),
    make('p', {}, `${words.answersTo}: `, ...model.answersTo.words),
    make('p', {}, `${words.signedInAs} `, { value: account.displayName }),
    ...model.warnings.map(({ lead, text }) => make('p', { className: 'warning' }, ...lead, ' ', ...text)),
    form
  ]
}

const organization = ({ id, name }) => box({ type: 'radio', name: 'organization', value: id, required: true }, name)
const scope = ({ scope, checked, required, description }) =>
  box({ type: 'checkbox', name: 'scope', value: scope, checked, disabled: required }, description)
const box = (options, text) => make('label', { className: 'scope' }, make('input', options), { value: text })
const button = (value, words) => make('button', { value, formNoValidate: value === 'deny' }, words[value])

/** Of a sentence, plain parts are our words; `{ value }` is what somebody else wrote, and stands in an element of its own. */
function make(name, properties, ...parts) {
  const node = Object.assign(document.createElement(name), properties)
  node.append(...parts.map(part => (part.value && !(part instanceof Node) ? make('bdi', {}, part.value) : part)))
  return node
}

ask('model')
