/** The words of every page, in Spanish. */
import type { PartialTranslation } from '@fastify-mcp-auth/core/pages'
import type { en } from './en.ts'

export const es = {
  'name.unverified': '«{name}»',
  'name.unknown': 'la aplicación',

  'consent.heading': '{client} quiere usar {resource} por ti',
  'consent.heading.more': {
    one: '{client} pide un permiso más',
    other: '{client} pide {count} permisos más'
  },
  'consent.intro': 'Tú decides qué puede hacer.',
  'consent.intro.manage': 'Tú decides qué puede hacer. Puedes retirarlo en cualquier momento.',
  'consent.intro.more': 'Ya funciona con {resource}. Tú decides si puede hacer más.',

  'consent.askedBy': 'Lo pide',
  'consent.verified': 'verificado',
  'consent.notVerified': 'sin verificar',
  'consent.wholeName': 'Mostrar el nombre completo',
  'consent.firstTime': 'primera vez',
  'consent.known': 'ya lo permitiste antes',
  'consent.answersTo': 'La respuesta va a',
  'consent.answersTo.loopback': '{host} (un programa en este ordenador)',
  'consent.answersTo.device': 'el dispositivo que muestra el código {code}',
  'consent.answersTo.privateUse': 'una aplicación de este dispositivo que abre enlaces {scheme}',
  'consent.signedInAs': 'Has entrado como',
  'consent.switchAccount': '¿no eres tú?',

  'consent.organization': 'En nombre de',
  'consent.organization.pick': 'Puede actuar en nombre de',

  'consent.may': 'Puede',
  'consent.may.more': 'También puede',
  'consent.needed': 'necesario',
  'consent.irreversible': 'no se puede deshacer',
  'consent.tools': { one: '1 herramienta: {names}', other: '{count} herramientas: {names}' },
  'consent.tools.some': { one: '1 herramienta, como {names}', other: '{count} herramientas, como {names}' },
  'consent.tools.all': 'Mostrar todas las herramientas',
  'consent.includes': 'Incluye: {list}',
  'consent.alreadyAllowed': 'Ya permitido',
  'consent.manage': 'Gestionar aplicaciones conectadas',

  'consent.details': 'Detalles',
  'consent.details.client': 'Identificador de la aplicación',
  'consent.details.answersTo': 'Dirección completa de la respuesta',
  'consent.details.place': 'Dirección que quiere usar',
  'consent.details.site': 'Sitio web de la aplicación',
  'consent.details.privacy': 'Su política de privacidad',
  'consent.details.terms': 'Sus condiciones de uso',

  'consent.deny': 'Denegar',
  'consent.allow': 'Permitir',
  'consent.until.days': {
    one: 'El acceso dura un día como máximo.',
    other: 'El acceso dura {count} días como máximo.'
  },
  'consent.until.hours': {
    one: 'El acceso dura una hora como máximo.',
    other: 'El acceso dura {count} horas como máximo.'
  },
  'consent.until.minutes': {
    one: 'El acceso dura un minuto como máximo.',
    other: 'El acceso dura {count} minutos como máximo.'
  },

  'warning.started': 'Continúa solo si lo has iniciado tú.',
  'warning.loopback':
    'Cualquier programa de este ordenador puede recibir la respuesta, y nadie ha verificado quién es {client}.',
  'warning.loopback.verified':
    'Cualquier programa de este ordenador puede decir que es {client} y recibir la respuesta.',
  'warning.privateUse':
    'Otra aplicación de este dispositivo también puede abrir enlaces {scheme} y recibiría la respuesta.',
  'warning.device': 'Continúa solo si un dispositivo tuyo muestra {code}.',
  'warning.device.text':
    'Ese dispositivo recibe lo que permitas. Si alguien te dio este código, deniega: el acceso sería para esa persona.',
  'warning.firstTime': 'Nadie ha verificado quién es {client}, y aún no la has usado aquí. La respuesta va a {host}.',
  'warning.imitation': 'Este nombre se parece a {own}.',
  'warning.imitation.text': 'Nadie ha verificado que venga de ahí. Si tienes dudas, deniega.',
  'warning.mixedScripts': 'Fíjate bien en el nombre {client}.',
  'warning.mixedScripts.text':
    'Mezcla letras parecidas de alfabetos distintos. Con nombres así se imita a otros. Si tienes dudas, deniega.',

  'connected.heading': 'Aplicaciones conectadas',
  'connected.intro': 'Estas aplicaciones pueden usar {brand} por ti. Desconecta las que ya no necesites.',
  'connected.none': 'Ninguna aplicación puede usar {brand} por ti. Cuando una lo pida, decides tú.',
  'connected.notice.one': 'La aplicación está desconectada. Ya no tiene acceso.',
  'connected.notice.all': 'Todas las aplicaciones están desconectadas. Ninguna tiene ya acceso.',
  'connected.notice.stale':
    'No ha cambiado nada: esta página estuvo abierta demasiado tiempo, o has entrado con otra cuenta. Vuelve a mirar.',
  'connected.uses': 'Usa',
  'connected.since': 'Conectada el {day}',
  'connected.lastActive': 'última actividad: {ago}',
  'connected.ends': 'El acceso termina el {day} a más tardar',
  'connected.disconnect': 'Desconectar',
  'connected.disconnect.named': 'Desconectar {client}',
  'connected.disconnectAll': 'Desconectar todas las aplicaciones',
  'connected.disconnectAll.text':
    'Todas las aplicaciones pierden el acceso de inmediato. Las que aún necesites tendrán que volver a pedírtelo.',
  'connected.next': 'Más aplicaciones',
  'connected.first': 'Volver a las primeras aplicaciones',
  'connected.note': 'La desconexión surte efecto de inmediato. Lo que una aplicación ya ha leído lo conserva.',

  'device.heading': 'Conectar un dispositivo',
  'device.heading.compare': '¿Muestra tu dispositivo este código?',
  'device.text': 'Escribe el código que muestra tu dispositivo. Después decides qué puede hacer.',
  'device.text.compare': 'Mira tu dispositivo y compara. Después decides qué puede hacer.',
  'device.caution':
    'Escribe solo un código que veas en un dispositivo tuyo. Con un código que alguien te dio, dejarías entrar a esa persona.',
  'device.caution.compare':
    'Cualquiera puede enviar un enlace así. Si el código no está en un dispositivo que tengas delante, cierra esta página: el acceso sería de quien lo envió.',
  'device.code': 'Código',
  'device.proceed': 'Continuar',
  'device.proceed.compare': 'Sí, es el mismo',
  'device.otherCode': 'No, otro código',
  'device.problem.unknown': 'Este código no es correcto. Mira tu dispositivo e inténtalo de nuevo.',
  'device.problem.expired': 'Este código ha caducado. Pide uno nuevo a tu dispositivo.',
  'device.problem.used':
    'Este código ya no sirve: se respondió, o se escribió demasiadas veces. Pide uno nuevo a tu dispositivo.',
  'device.allowed.heading': '{client} tiene acceso',
  'device.allowed.text': 'Vuelve a tu dispositivo, allí continúa. Puedes cerrar esta página.',
  'device.denied.heading': 'Has dicho que no',
  'device.denied.text': 'No se ha compartido nada. Puedes cerrar esta página.',

  'signOut.heading': '¿Cerrar la sesión en {brand}?',
  'signOut.text': 'Termina tu sesión en este navegador. Las aplicaciones conectadas conservan su acceso.',
  'signOut.goesTo': 'Después vas a',
  'signOut.stay': 'Seguir dentro',
  'signOut.signOut': 'Cerrar la sesión',

  'signedOut.heading': 'Has cerrado la sesión',
  'signedOut.text':
    'Nadie puede usar {brand} en este navegador hasta que alguien entre de nuevo. Las aplicaciones conectadas conservan su acceso.',
  'signedOut.heading.not': 'Tu sesión sigue abierta',
  'signedOut.text.not': 'En este navegador has entrado como {account}. Cierra la sesión en {brand} para terminarla.',
  'signedOut.signIn': 'Entrar de nuevo',

  'error.reference': 'Referencia para soporte',

  'error.unknown_client.title': '{brand} ya no conoce esta aplicación',
  'error.unknown_client.text': 'Se eliminó aquí, o hace mucho que no se usa. No se ha compartido nada.',
  'error.unknown_client.next': 'Quítala en tu asistente y vuelve a añadirla.',

  'error.client_forgotten.title': 'Esta aplicación ya no está registrada en {brand}',
  'error.client_forgotten.text':
    'El registro de {client} ha terminado: se eliminó, o hace mucho que no se usa. No se ha compartido nada.',
  'error.client_forgotten.next': 'Quita {brand} en tu asistente y vuelve a añadirlo. Así se registra de nuevo.',

  'error.client_metadata.title': 'No hemos podido comprobar quién lo pide',
  'error.client_metadata.text':
    'No se ha podido leer la descripción que la aplicación da de sí misma. No se ha compartido nada.',
  'error.client_metadata.next': 'Inténtalo de nuevo en unos minutos. Si no sirve, avisa a quienes hacen la aplicación.',

  'error.redirect_uri.title': 'La respuesta iría a un lugar desconocido',
  'error.redirect_uri.text':
    'La aplicación pidió la respuesta en una dirección que nunca nos comunicó. Nos hemos detenido aquí. No se ha compartido nada.',
  'error.redirect_uri.next':
    'Si no lo has iniciado tú, cierra esta página. Si has sido tú, vuelve a añadir la aplicación.',

  'error.invalid_request.title': 'Esta solicitud no está completa',
  'error.invalid_request.text': 'Falta algo en ella o cambió por el camino. No se ha compartido nada.',
  'error.invalid_request.next': 'Vuelve a {client} y conecta de nuevo.',

  'error.interaction_unknown.title': 'No encontramos esta solicitud',
  'error.interaction_unknown.text': 'La dirección es incorrecta, o la solicitud terminó hace tiempo.',
  'error.interaction_unknown.next': 'Vuelve a {client} y conecta de nuevo.',

  'error.interaction_expired.title': 'Esta solicitud ha caducado',
  'error.interaction_expired.text': 'Esperó demasiado tu respuesta. No se ha compartido nada.',
  'error.interaction_expired.next': 'Vuelve a {client} y conecta de nuevo.',

  'error.interaction_answered.title': 'Ya has respondido',
  'error.interaction_answered.text': 'A una solicitud se responde una vez, y cuenta tu primera respuesta.',
  'error.interaction_answered.next': 'Vuelve a {client}. Si no está conectada, conecta de nuevo.',

  'error.interaction_other_browser.title': 'Esta solicitud empezó en otro navegador',
  'error.interaction_other_browser.text': 'Por tu seguridad, solo se puede responder donde empezó.',
  'error.interaction_other_browser.next': 'Abre la página allí, o conecta de nuevo desde {client}.',

  'error.account_changed.title': 'Ahora has entrado con otra cuenta',
  'error.account_changed.text': 'La pregunta era para la otra cuenta. Tu respuesta no ha contado.',
  'error.account_changed.next': 'Vuelve a {client} y conecta de nuevo.',

  'error.rate_limited.title': 'Han sido demasiadas veces',
  'error.rate_limited.text': 'Hubo demasiados intentos en poco tiempo.',
  'error.rate_limited.next': 'Espera un minuto e inténtalo de nuevo.',

  'error.unavailable.title': '{brand} no puede responder ahora mismo',
  'error.unavailable.text': 'Algo que necesita no está disponible. No se ha perdido nada.',
  'error.unavailable.next': 'Inténtalo de nuevo en unos minutos.',

  'error.server_error.title': 'Algo ha fallado aquí',
  'error.server_error.text': 'Es culpa nuestra, no tuya.',
  'error.server_error.next':
    'Vuelve a {client} y conecta de nuevo. Si vuelve a ocurrir, indícanos la referencia de abajo.'
} as const satisfies PartialTranslation<typeof en>
