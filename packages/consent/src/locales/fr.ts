/** The words of every page, in French. */
import type { PartialTranslation } from '@fastify-mcp-auth/core/pages'
import type { en } from './en.ts'

export const fr = {
  'name.unverified': '« {name} »',
  'name.unknown': 'l’application',

  'consent.heading': '{client} souhaite utiliser {resource} pour vous',
  'consent.heading.more': {
    one: '{client} demande une autorisation de plus',
    other: '{client} demande {count} autorisations de plus'
  },
  'consent.intro': 'Vous décidez de ce que l’application peut faire.',
  'consent.intro.manage': 'Vous décidez de ce que l’application peut faire. Vous pouvez revenir dessus à tout moment.',
  'consent.intro.more': 'Elle fonctionne déjà avec {resource}. Vous décidez si elle peut en faire plus.',

  'consent.askedBy': 'Demandé par',
  'consent.verified': 'vérifié',
  'consent.notVerified': 'non vérifié',
  'consent.wholeName': 'Afficher le nom complet',
  'consent.firstTime': 'première fois',
  'consent.known': 'déjà autorisé auparavant',
  'consent.answersTo': 'Réponse envoyée à',
  'consent.answersTo.loopback': '{host} (un programme sur cet ordinateur)',
  'consent.answersTo.device': 'l’appareil qui affiche le code {code}',
  'consent.answersTo.privateUse': 'une application de cet appareil qui ouvre les liens {scheme}',
  'consent.signedInAs': 'Connecté en tant que',
  'consent.switchAccount': 'ce n’est pas vous ?',

  'consent.organization': 'Au nom de',
  'consent.organization.pick': 'Elle peut agir au nom de',

  'consent.may': 'Elle peut',
  'consent.may.more': 'Elle peut aussi',
  'consent.needed': 'nécessaire',
  'consent.irreversible': 'irréversible',
  'consent.tools': { one: '1 outil : {names}', other: '{count} outils : {names}' },
  'consent.tools.some': { one: '1 outil, dont {names}', other: '{count} outils, dont {names}' },
  'consent.tools.all': 'Afficher tous les outils',
  'consent.includes': 'Comprend : {list}',
  'consent.alreadyAllowed': 'Déjà autorisé',
  'consent.manage': 'Gérer les applications connectées',

  'consent.details': 'Détails',
  'consent.details.client': 'Identifiant de l’application',
  'consent.details.answersTo': 'Adresse complète de la réponse',
  'consent.details.place': 'Adresse qu’elle souhaite utiliser',
  'consent.details.site': 'Site de l’application',
  'consent.details.privacy': 'Sa politique de confidentialité',
  'consent.details.terms': 'Ses conditions d’utilisation',

  'consent.deny': 'Refuser',
  'consent.allow': 'Autoriser',
  'consent.until.days': {
    one: 'L’accès dure un jour au plus.',
    other: 'L’accès dure {count} jours au plus.'
  },
  'consent.until.hours': {
    one: 'L’accès dure une heure au plus.',
    other: 'L’accès dure {count} heures au plus.'
  },
  'consent.until.minutes': {
    one: 'L’accès dure une minute au plus.',
    other: 'L’accès dure {count} minutes au plus.'
  },

  'warning.started': 'Continuez seulement si c’est vous qui avez commencé.',
  'warning.loopback':
    'N’importe quel programme de cet ordinateur peut recevoir la réponse, et personne n’a vérifié qui est {client}.',
  'warning.loopback.verified':
    'N’importe quel programme de cet ordinateur peut se faire passer pour {client} et recevoir la réponse.',
  'warning.privateUse':
    'Une autre application de cet appareil peut aussi ouvrir les liens {scheme}, et recevrait alors la réponse.',
  'warning.device': 'Continuez seulement si un appareil à vous affiche {code}.',
  'warning.device.text':
    'C’est cet appareil qui recevra l’accès. Si quelqu’un vous a donné ce code, refusez : l’accès serait pour cette personne.',
  'warning.firstTime':
    'Personne n’a vérifié qui est {client}, et vous ne l’avez jamais utilisée ici. La réponse est envoyée à {host}.',
  'warning.imitation': 'Ce nom ressemble à {own}.',
  'warning.imitation.text': 'Personne n’a vérifié qu’il en vient. En cas de doute, refusez.',
  'warning.mixedScripts': 'Regardez bien le nom {client}.',
  'warning.mixedScripts.text':
    'Il mélange des lettres d’alphabets différents qui se ressemblent. De tels noms servent à en imiter d’autres. En cas de doute, refusez.',

  'connected.heading': 'Applications connectées',
  'connected.intro':
    'Ces applications peuvent utiliser {brand} pour vous. Déconnectez celles dont vous n’avez plus besoin.',
  'connected.none': 'Aucune application ne peut utiliser {brand} pour vous. Si l’une le demande, vous décidez.',
  'connected.notice.one': 'L’application est déconnectée. Elle n’a plus accès.',
  'connected.notice.all': 'Toutes les applications sont déconnectées. Aucune n’a plus accès.',
  'connected.notice.stale':
    'Rien n’a changé : cette page est restée ouverte trop longtemps, ou vous avez changé de compte. Vérifiez à nouveau.',
  'connected.uses': 'Utilise',
  'connected.since': 'Connectée le {day}',
  'connected.lastActive': 'dernière activité : {ago}',
  'connected.ends': 'L’accès prend fin au plus tard le {day}',
  'connected.disconnect': 'Déconnecter',
  'connected.disconnect.named': 'Déconnecter {client}',
  'connected.disconnectAll': 'Déconnecter toutes les applications',
  'connected.disconnectAll.text':
    'Toutes les applications perdent aussitôt leur accès. Celles dont vous avez encore besoin devront vous le redemander.',
  'connected.next': 'Autres applications',
  'connected.first': 'Revenir aux premières applications',
  'connected.note': 'La déconnexion prend effet aussitôt. Ce qu’une application a déjà lu lui reste.',

  'device.heading': 'Connecter un appareil',
  'device.heading.compare': 'Votre appareil affiche-t-il ce code ?',
  'device.text': 'Saisissez le code que votre appareil affiche. Vous déciderez ensuite de ce qu’il peut faire.',
  'device.text.compare': 'Regardez votre appareil et comparez. Vous déciderez ensuite de ce qu’il peut faire.',
  'device.caution':
    'Ne saisissez qu’un code que vous voyez sur un appareil à vous. Un code donné par quelqu’un laisserait entrer cette personne.',
  'device.caution.compare':
    'N’importe qui peut envoyer un tel lien. Si le code n’est pas sur un appareil devant vous, fermez cette page : l’accès irait à la personne qui l’a envoyé.',
  'device.code': 'Code',
  'device.proceed': 'Continuer',
  'device.proceed.compare': 'Oui, le même',
  'device.otherCode': 'Non, un autre code',
  'device.problem.unknown': 'Ce code n’est pas le bon. Regardez votre appareil et réessayez.',
  'device.problem.expired': 'Ce code a expiré. Demandez-en un nouveau à votre appareil.',
  'device.problem.used':
    'Ce code ne marche plus : une réponse a été donnée, ou il a été saisi trop souvent. Demandez-en un nouveau à votre appareil.',
  'device.allowed.heading': '{client} : connexion établie',
  'device.allowed.text': 'Revenez à votre appareil, la suite s’y passe. Vous pouvez fermer cette page.',
  'device.denied.heading': 'Vous avez refusé',
  'device.denied.text': 'Rien n’a été partagé. Vous pouvez fermer cette page.',

  'signOut.heading': 'Se déconnecter de {brand} ?',
  'signOut.text': 'Votre session dans ce navigateur prendra fin. Les applications connectées gardent leur accès.',
  'signOut.goesTo': 'Puis vous allez à',
  'signOut.stay': 'Rester connecté',
  'signOut.signOut': 'Se déconnecter',

  'signedOut.heading': 'Vous êtes déconnecté',
  'signedOut.text':
    'Personne ne peut utiliser {brand} dans ce navigateur avant une nouvelle connexion. Les applications connectées gardent leur accès.',
  'signedOut.heading.not': 'Vous êtes encore connecté',
  'signedOut.text.not':
    'Ce navigateur est connecté en tant que {account}. Déconnectez-vous dans {brand} pour y mettre fin.',
  'signedOut.signIn': 'Se reconnecter',

  'error.reference': 'Référence pour l’assistance',

  'error.unknown_client.title': '{brand} ne connaît plus cette application',
  'error.unknown_client.text': 'Elle a été supprimée ici, ou n’a pas servi depuis longtemps. Rien n’a été partagé.',
  'error.unknown_client.next': 'Supprimez-la dans votre assistant, puis ajoutez-la de nouveau.',

  'error.client_forgotten.title': 'Cette application n’est plus enregistrée auprès de {brand}',
  'error.client_forgotten.text':
    'L’enregistrement de {client} a pris fin : il a été supprimé, ou n’a pas servi depuis longtemps. Rien n’a été partagé.',
  'error.client_forgotten.next':
    'Supprimez {brand} dans votre assistant, puis ajoutez-le de nouveau. L’application sera enregistrée à nouveau.',

  'error.client_metadata.title': 'Nous n’avons pas pu vérifier qui demande',
  'error.client_metadata.text':
    'La description que l’application donne d’elle-même n’a pas pu être lue. Rien n’a été partagé.',
  'error.client_metadata.next':
    'Réessayez dans quelques minutes. Si cela ne suffit pas, prévenez les auteurs de l’application.',

  'error.redirect_uri.title': 'La réponse irait à un endroit inconnu',
  'error.redirect_uri.text':
    'L’application voulait la réponse à une adresse qu’elle ne nous a jamais indiquée. Nous nous sommes arrêtés là. Rien n’a été partagé.',
  'error.redirect_uri.next':
    'Si ce n’est pas vous qui avez commencé, fermez cette page. Sinon, ajoutez l’application de nouveau.',

  'error.invalid_request.title': 'Cette demande est incomplète',
  'error.invalid_request.text': 'Il y manque quelque chose, ou elle a été modifiée en route. Rien n’a été partagé.',
  'error.invalid_request.next': 'Retournez à {client} et connectez-vous de nouveau.',

  'error.interaction_unknown.title': 'Nous ne trouvons pas cette demande',
  'error.interaction_unknown.text': 'L’adresse est fausse, ou la demande est terminée depuis longtemps.',
  'error.interaction_unknown.next': 'Retournez à {client} et connectez-vous de nouveau.',

  'error.interaction_expired.title': 'Cette demande a expiré',
  'error.interaction_expired.text': 'Elle a attendu votre réponse trop longtemps. Rien n’a été partagé.',
  'error.interaction_expired.next': 'Retournez à {client} et connectez-vous de nouveau.',

  'error.interaction_answered.title': 'Vous avez déjà répondu',
  'error.interaction_answered.text':
    'On ne répond qu’une fois à une demande, et c’est votre première réponse qui compte.',
  'error.interaction_answered.next':
    'Retournez à {client}. Si la connexion n’est pas établie, connectez-vous de nouveau.',

  'error.interaction_other_browser.title': 'Cette demande a commencé dans un autre navigateur',
  'error.interaction_other_browser.text': 'Pour votre sécurité, on ne peut y répondre que là où elle a commencé.',
  'error.interaction_other_browser.next': 'Ouvrez la page là-bas, ou connectez-vous de nouveau depuis {client}.',

  'error.account_changed.title': 'Vous êtes maintenant connecté avec un autre compte',
  'error.account_changed.text': 'La question s’adressait à l’autre compte. Votre réponse n’a pas compté.',
  'error.account_changed.next': 'Retournez à {client} et connectez-vous de nouveau.',

  'error.rate_limited.title': 'C’était trop souvent',
  'error.rate_limited.text': 'Il y a eu trop d’essais en peu de temps.',
  'error.rate_limited.next': 'Attendez une minute, puis réessayez.',

  'error.unavailable.title': '{brand} ne peut pas répondre pour le moment',
  'error.unavailable.text': 'Quelque chose dont il a besoin est injoignable. Rien n’est perdu.',
  'error.unavailable.next': 'Réessayez dans quelques minutes.',

  'error.server_error.title': 'Quelque chose s’est mal passé ici',
  'error.server_error.text': 'C’est notre faute, pas la vôtre.',
  'error.server_error.next':
    'Retournez à {client} et connectez-vous de nouveau. Si cela se reproduit, indiquez-nous la référence ci-dessous.'
} as const satisfies PartialTranslation<typeof en>
