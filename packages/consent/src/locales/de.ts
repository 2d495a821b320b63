/** The words of every page, in German. */
import type { PartialTranslation } from '@fastify-mcp-auth/core/pages'
import type { en } from './en.ts'

export const de = {
  'name.unverified': '„{name}“',
  'name.unknown': 'die App',

  'consent.heading': '{client} möchte {resource} für Sie nutzen',
  'consent.heading.more': {
    one: '{client} bittet um eine weitere Erlaubnis',
    other: '{client} bittet um {count} weitere Erlaubnisse'
  },
  'consent.intro': 'Sie entscheiden, was die App darf.',
  'consent.intro.manage': 'Sie entscheiden, was die App darf, und können es jederzeit zurücknehmen.',
  'consent.intro.more': 'Die App arbeitet schon mit {resource}. Sie entscheiden, ob sie mehr darf.',

  'consent.askedBy': 'Anfrage von',
  'consent.verified': 'geprüft',
  'consent.notVerified': 'nicht geprüft',
  'consent.wholeName': 'Ganzen Namen zeigen',
  'consent.firstTime': 'zum ersten Mal',
  'consent.known': 'schon einmal erlaubt',
  'consent.answersTo': 'Antwort an',
  'consent.answersTo.loopback': '{host} (ein Programm auf diesem Computer)',
  'consent.answersTo.device': 'das Gerät, das den Code {code} zeigt',
  'consent.answersTo.privateUse': 'eine App auf diesem Gerät, die Links mit {scheme} öffnet',
  'consent.signedInAs': 'Angemeldet als',
  'consent.switchAccount': 'nicht Sie?',

  'consent.organization': 'Für',
  'consent.organization.pick': 'Die App darf handeln für',

  'consent.may': 'Die App darf',
  'consent.may.more': 'Die App darf zusätzlich',
  'consent.needed': 'nötig',
  'consent.irreversible': 'endgültig',
  'consent.tools': { one: '1 Werkzeug: {names}', other: '{count} Werkzeuge: {names}' },
  'consent.tools.some': { one: '1 Werkzeug, etwa {names}', other: '{count} Werkzeuge, etwa {names}' },
  'consent.tools.all': 'Alle Werkzeuge zeigen',
  'consent.includes': 'Umfasst auch: {list}',
  'consent.alreadyAllowed': 'Schon erlaubt',
  'consent.manage': 'Verbundene Apps verwalten',

  'consent.details': 'Einzelheiten',
  'consent.details.client': 'Kennung der App',
  'consent.details.answersTo': 'Ganze Adresse der Antwort',
  'consent.details.place': 'Adresse, die sie nutzen möchte',
  'consent.details.site': 'Website der App',
  'consent.details.privacy': 'Ihre Datenschutzerklärung',
  'consent.details.terms': 'Ihre Nutzungsbedingungen',

  'consent.deny': 'Ablehnen',
  'consent.allow': 'Erlauben',
  'consent.until.days': {
    one: 'Der Zugriff gilt höchstens einen Tag.',
    other: 'Der Zugriff gilt höchstens {count} Tage.'
  },
  'consent.until.hours': {
    one: 'Der Zugriff gilt höchstens eine Stunde.',
    other: 'Der Zugriff gilt höchstens {count} Stunden.'
  },
  'consent.until.minutes': {
    one: 'Der Zugriff gilt höchstens eine Minute.',
    other: 'Der Zugriff gilt höchstens {count} Minuten.'
  },

  'warning.started': 'Nur fortfahren, wenn Sie das selbst begonnen haben.',
  'warning.loopback':
    'Jedes Programm auf diesem Computer kann die Antwort bekommen, und niemand hat geprüft, wer {client} ist.',
  'warning.loopback.verified':
    'Jedes Programm auf diesem Computer kann sich als {client} ausgeben und die Antwort bekommen.',
  'warning.privateUse':
    'Auch eine andere App auf diesem Gerät kann Links mit {scheme} öffnen und bekäme dann die Antwort.',
  'warning.device': 'Nur fortfahren, wenn ein eigenes Gerät von Ihnen {code} zeigt.',
  'warning.device.text':
    'Dieses Gerät bekommt, was Sie erlauben. Hat Ihnen jemand den Code gegeben, lehnen Sie ab: Der Zugriff ginge an diese Person.',
  'warning.firstTime':
    'Niemand hat geprüft, wer {client} ist, und Sie haben die App hier noch nie benutzt. Die Antwort geht an {host}.',
  'warning.imitation': 'Dieser Name sieht aus wie {own}.',
  'warning.imitation.text': 'Niemand hat geprüft, dass er von dort kommt. Lehnen Sie im Zweifel ab.',
  'warning.mixedScripts': 'Sehen Sie sich den Namen {client} genau an.',
  'warning.mixedScripts.text':
    'Er mischt ähnliche Buchstaben aus verschiedenen Alphabeten. Mit solchen Namen werden andere nachgeahmt. Lehnen Sie im Zweifel ab.',

  'connected.heading': 'Verbundene Apps',
  'connected.intro': 'Diese Apps können {brand} für Sie nutzen. Trennen Sie, was Sie nicht mehr brauchen.',
  'connected.none': 'Keine App kann {brand} für Sie nutzen. Wenn eine fragt, entscheiden Sie.',
  'connected.notice.one': 'Die App ist getrennt. Sie hat keinen Zugriff mehr.',
  'connected.notice.all': 'Alle Apps sind getrennt. Keine hat mehr Zugriff.',
  'connected.notice.stale':
    'Es wurde nichts geändert: Die Seite war zu lange offen, oder Sie haben sich anders angemeldet. Sehen Sie noch einmal nach.',
  'connected.uses': 'Nutzt',
  'connected.since': 'Verbunden am {day}',
  'connected.lastActive': 'zuletzt aktiv {ago}',
  'connected.ends': 'Der Zugriff endet spätestens am {day}',
  'connected.disconnect': 'Trennen',
  'connected.disconnect.named': '{client} trennen',
  'connected.disconnectAll': 'Alle Apps trennen',
  'connected.disconnectAll.text':
    'Alle Apps verlieren sofort ihren Zugriff. Die, die Sie noch brauchen, müssen Sie wieder fragen.',
  'connected.next': 'Weitere Apps',
  'connected.first': 'Zurück zu den ersten Apps',
  'connected.note': 'Das Trennen wirkt sofort. Was eine App schon gelesen hat, behält sie.',

  'device.heading': 'Gerät verbinden',
  'device.heading.compare': 'Zeigt Ihr Gerät diesen Code?',
  'device.text': 'Geben Sie den Code ein, den Ihr Gerät zeigt. Danach entscheiden Sie, was es darf.',
  'device.text.compare': 'Sehen Sie auf Ihr Gerät und vergleichen Sie. Danach entscheiden Sie, was es darf.',
  'device.caution':
    'Geben Sie nur einen Code ein, den Sie auf einem eigenen Gerät sehen. Mit einem Code, den Ihnen jemand gegeben hat, ließen Sie diese Person ein.',
  'device.caution.compare':
    'So einen Link kann jeder schicken. Steht der Code nicht auf einem Gerät vor Ihnen, schließen Sie diese Seite: Sonst bekäme Zugriff, wer ihn geschickt hat.',
  'device.code': 'Code',
  'device.proceed': 'Weiter',
  'device.proceed.compare': 'Ja, denselben',
  'device.otherCode': 'Nein, anderer Code',
  'device.problem.unknown': 'Dieser Code stimmt nicht. Sehen Sie auf Ihr Gerät und versuchen Sie es noch einmal.',
  'device.problem.expired': 'Dieser Code ist abgelaufen. Lassen Sie sich vom Gerät einen neuen zeigen.',
  'device.problem.used':
    'Dieser Code gilt nicht mehr: Er wurde beantwortet oder zu oft eingegeben. Lassen Sie sich vom Gerät einen neuen zeigen.',
  'device.allowed.heading': '{client} ist verbunden',
  'device.allowed.text': 'Gehen Sie zurück zu Ihrem Gerät, dort geht es weiter. Sie können diese Seite schließen.',
  'device.denied.heading': 'Sie haben abgelehnt',
  'device.denied.text': 'Es wurde nichts weitergegeben. Sie können diese Seite schließen.',

  'signOut.heading': 'Von {brand} abmelden?',
  'signOut.text': 'Das beendet Ihre Sitzung in diesem Browser. Verbundene Apps behalten ihren Zugriff.',
  'signOut.goesTo': 'Danach geht es zu',
  'signOut.stay': 'Angemeldet bleiben',
  'signOut.signOut': 'Abmelden',

  'signedOut.heading': 'Sie sind abgemeldet',
  'signedOut.text':
    'In diesem Browser kann niemand {brand} nutzen, bis sich jemand anmeldet. Verbundene Apps behalten ihren Zugriff.',
  'signedOut.heading.not': 'Sie sind noch angemeldet',
  'signedOut.text.not':
    'Dieser Browser ist als {account} angemeldet. Melden Sie sich in {brand} ab, um das zu beenden.',
  'signedOut.signIn': 'Wieder anmelden',

  'error.reference': 'Kennung für den Support',

  'error.unknown_client.title': '{brand} kennt diese App nicht mehr',
  'error.unknown_client.text': 'Sie wurde hier entfernt oder lange nicht benutzt. Es wurde nichts weitergegeben.',
  'error.unknown_client.next': 'Entfernen Sie die Verbindung in Ihrem Assistenten und fügen Sie sie neu hinzu.',

  'error.client_forgotten.title': 'Diese App ist bei {brand} nicht mehr registriert',
  'error.client_forgotten.text':
    'Die Registrierung von {client} ist beendet: Sie wurde entfernt oder lange nicht benutzt. Es wurde nichts weitergegeben.',
  'error.client_forgotten.next':
    'Entfernen Sie {brand} in Ihrem Assistenten und fügen Sie es neu hinzu. Damit wird die App neu registriert.',

  'error.client_metadata.title': 'Wir konnten nicht prüfen, wer fragt',
  'error.client_metadata.text': 'Die Selbstbeschreibung der App ließ sich nicht lesen. Es wurde nichts weitergegeben.',
  'error.client_metadata.next':
    'Versuchen Sie es in ein paar Minuten noch einmal. Hilft das nicht, sagen Sie den Herstellern der App Bescheid.',

  'error.redirect_uri.title': 'Die Antwort ginge an einen unbekannten Ort',
  'error.redirect_uri.text':
    'Die App wollte die Antwort an einer Adresse, die sie uns nie genannt hat. Wir haben hier angehalten. Es wurde nichts weitergegeben.',
  'error.redirect_uri.next':
    'Wenn Sie das nicht selbst begonnen haben, schließen Sie diese Seite. Sonst fügen Sie die App neu hinzu.',

  'error.invalid_request.title': 'Diese Anfrage ist nicht vollständig',
  'error.invalid_request.text': 'Etwas darin fehlt oder wurde unterwegs verändert. Es wurde nichts weitergegeben.',
  'error.invalid_request.next': 'Gehen Sie zurück zu {client} und verbinden Sie noch einmal.',

  'error.interaction_unknown.title': 'Wir finden diese Anfrage nicht',
  'error.interaction_unknown.text': 'Die Adresse stimmt nicht, oder die Anfrage ist längst beendet.',
  'error.interaction_unknown.next': 'Gehen Sie zurück zu {client} und verbinden Sie noch einmal.',

  'error.interaction_expired.title': 'Diese Anfrage ist abgelaufen',
  'error.interaction_expired.text': 'Sie hat zu lange auf Ihre Antwort gewartet. Es wurde nichts weitergegeben.',
  'error.interaction_expired.next': 'Gehen Sie zurück zu {client} und verbinden Sie noch einmal.',

  'error.interaction_answered.title': 'Sie haben schon geantwortet',
  'error.interaction_answered.text': 'Eine Anfrage lässt sich einmal beantworten, und Ihre erste Antwort gilt.',
  'error.interaction_answered.next':
    'Gehen Sie zurück zu {client}. Besteht keine Verbindung, verbinden Sie noch einmal.',

  'error.interaction_other_browser.title': 'Diese Anfrage begann in einem anderen Browser',
  'error.interaction_other_browser.text': 'Zu Ihrem Schutz lässt sie sich nur dort beantworten, wo sie begann.',
  'error.interaction_other_browser.next': 'Öffnen Sie die Seite dort, oder verbinden Sie von {client} aus noch einmal.',

  'error.account_changed.title': 'Sie sind jetzt mit einem anderen Konto angemeldet',
  'error.account_changed.text': 'Die Frage galt dem anderen Konto. Ihre Antwort zählte nicht.',
  'error.account_changed.next': 'Gehen Sie zurück zu {client} und verbinden Sie noch einmal.',

  'error.rate_limited.title': 'Das war zu oft',
  'error.rate_limited.text': 'Es gab zu viele Versuche in kurzer Zeit.',
  'error.rate_limited.next': 'Warten Sie eine Minute und versuchen Sie es dann noch einmal.',

  'error.unavailable.title': '{brand} kann gerade nicht antworten',
  'error.unavailable.text': 'Etwas, das dafür gebraucht wird, ist nicht erreichbar. Es ging nichts verloren.',
  'error.unavailable.next': 'Versuchen Sie es in ein paar Minuten noch einmal.',

  'error.server_error.title': 'Hier ist etwas schiefgegangen',
  'error.server_error.text': 'Das liegt an uns, nicht an Ihnen.',
  'error.server_error.next':
    'Gehen Sie zurück zu {client} und verbinden Sie noch einmal. Geschieht es wieder, nennen Sie uns die Kennung unten.'
} as const satisfies PartialTranslation<typeof en>
