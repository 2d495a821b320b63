/** The words of every page, in Arabic. Read from right to left. */
import type { PartialTranslation } from '@fastify-mcp-auth/core/pages'
import type { en } from './en.ts'

export const ar = {
  'name.unverified': '«{name}»',
  'name.unknown': 'التطبيق',

  'consent.heading': 'يريد {client} استخدام {resource} نيابةً عنك',
  'consent.heading.more': {
    one: 'يطلب {client} إذنًا إضافيًا واحدًا',
    two: 'يطلب {client} إذنين إضافيين',
    few: 'يطلب {client} {count} أذونات إضافية',
    many: 'يطلب {client} {count} إذنًا إضافيًا',
    other: 'يطلب {client} {count} إذن إضافي'
  },
  'consent.intro': 'أنت من يقرر ما يُسمح له به.',
  'consent.intro.manage': 'أنت من يقرر ما يُسمح له به، ويمكنك التراجع في أي وقت.',
  'consent.intro.more': 'يعمل بالفعل مع {resource}. أنت من يقرر هل يُسمح له بالمزيد.',

  'consent.askedBy': 'الطالب',
  'consent.verified': 'تم التحقق',
  'consent.notVerified': 'لم يتم التحقق',
  'consent.wholeName': 'عرض الاسم كاملًا',
  'consent.firstTime': 'للمرة الأولى',
  'consent.known': 'سمحت له من قبل',
  'consent.answersTo': 'يُرسل الرد إلى',
  'consent.answersTo.loopback': '{host} (برنامج على هذا الحاسوب)',
  'consent.answersTo.device': 'الجهاز الذي يعرض الرمز {code}',
  'consent.answersTo.privateUse': 'تطبيق على هذا الجهاز يفتح روابط {scheme}',
  'consent.signedInAs': 'سجّلت الدخول باسم',
  'consent.switchAccount': 'لست أنت؟',

  'consent.organization': 'باسم',
  'consent.organization.pick': 'يمكنه التصرف باسم',

  'consent.may': 'يمكنه',
  'consent.may.more': 'ويمكنه أيضًا',
  'consent.needed': 'ضروري',
  'consent.irreversible': 'لا يمكن التراجع عنه',
  'consent.tools': {
    one: 'أداة واحدة: {names}',
    two: 'أداتان: {names}',
    few: '{count} أدوات: {names}',
    many: '{count} أداة: {names}',
    other: '{count} أداة: {names}'
  },
  'consent.tools.some': {
    one: 'أداة واحدة، منها {names}',
    two: 'أداتان، منها {names}',
    few: '{count} أدوات، منها {names}',
    many: '{count} أداة، منها {names}',
    other: '{count} أداة، منها {names}'
  },
  'consent.tools.all': 'عرض كل الأدوات',
  'consent.includes': 'يشمل أيضًا: {list}',
  'consent.alreadyAllowed': 'مسموح به من قبل',
  'consent.manage': 'إدارة التطبيقات المتصلة',

  'consent.details': 'التفاصيل',
  'consent.details.client': 'معرّف التطبيق',
  'consent.details.answersTo': 'عنوان الرد كاملًا',
  'consent.details.place': 'العنوان الذي يريد استخدامه',
  'consent.details.site': 'موقع التطبيق',
  'consent.details.privacy': 'سياسة الخصوصية الخاصة به',
  'consent.details.terms': 'شروط استخدامه',

  'consent.deny': 'رفض',
  'consent.allow': 'سماح',
  'consent.until.days': {
    one: 'يدوم الوصول يومًا واحدًا على الأكثر.',
    two: 'يدوم الوصول يومين على الأكثر.',
    few: 'يدوم الوصول {count} أيام على الأكثر.',
    many: 'يدوم الوصول {count} يومًا على الأكثر.',
    other: 'يدوم الوصول {count} يوم على الأكثر.'
  },
  'consent.until.hours': {
    one: 'يدوم الوصول ساعة واحدة على الأكثر.',
    two: 'يدوم الوصول ساعتين على الأكثر.',
    few: 'يدوم الوصول {count} ساعات على الأكثر.',
    many: 'يدوم الوصول {count} ساعة على الأكثر.',
    other: 'يدوم الوصول {count} ساعة على الأكثر.'
  },
  'consent.until.minutes': {
    one: 'يدوم الوصول دقيقة واحدة على الأكثر.',
    two: 'يدوم الوصول دقيقتين على الأكثر.',
    few: 'يدوم الوصول {count} دقائق على الأكثر.',
    many: 'يدوم الوصول {count} دقيقة على الأكثر.',
    other: 'يدوم الوصول {count} دقيقة على الأكثر.'
  },

  'warning.started': 'تابع فقط إذا كنت أنت من بدأ هذا.',
  'warning.loopback': 'يمكن لأي برنامج على هذا الحاسوب أن يتلقى الرد، ولم يتحقق أحد من هوية {client}.',
  'warning.loopback.verified': 'يمكن لأي برنامج على هذا الحاسوب أن يدّعي أنه {client} وأن يتلقى الرد.',
  'warning.privateUse': 'يمكن لتطبيق آخر على هذا الجهاز أن يفتح روابط {scheme} أيضًا، وعندها يتلقى هو الرد.',
  'warning.device': 'تابع فقط إذا كان جهاز لك يعرض {code}.',
  'warning.device.text': 'يحصل ذلك الجهاز على ما تسمح به. إذا أعطاك أحد هذا الرمز فارفض، وإلا صار الوصول له.',
  'warning.firstTime': 'لم يتحقق أحد من هوية {client}، ولم تستخدمه هنا من قبل. يُرسل الرد إلى {host}.',
  'warning.imitation': 'يشبه هذا الاسم {own}.',
  'warning.imitation.text': 'لم يتحقق أحد من أنه صادر من هناك. ارفض إذا لم تكن متأكدًا.',
  'warning.mixedScripts': 'انظر جيدًا إلى الاسم {client}.',
  'warning.mixedScripts.text':
    'يخلط بين حروف متشابهة من أبجديات مختلفة. تُستخدم أسماء كهذه لتقليد غيرها. ارفض إذا لم تكن متأكدًا.',

  'connected.heading': 'التطبيقات المتصلة',
  'connected.intro': 'يمكن لهذه التطبيقات استخدام {brand} نيابةً عنك. افصل ما لم تعد تحتاج إليه.',
  'connected.none': 'لا يمكن لأي تطبيق استخدام {brand} نيابةً عنك. وحين يطلب أحدها ذلك، فالقرار لك.',
  'connected.notice.one': 'تم فصل التطبيق، ولم يعد له وصول.',
  'connected.notice.all': 'تم فصل كل التطبيقات، ولم يعد لأي منها وصول.',
  'connected.notice.stale': 'لم يتغير شيء: بقيت هذه الصفحة مفتوحة مدة طويلة، أو سجّلت الدخول بحساب آخر. انظر مرة أخرى.',
  'connected.uses': 'يستخدم',
  'connected.since': 'متصل منذ {day}',
  'connected.lastActive': 'آخر نشاط: {ago}',
  'connected.ends': 'ينتهي الوصول في {day} على أبعد تقدير',
  'connected.disconnect': 'فصل',
  'connected.disconnect.named': 'فصل {client}',
  'connected.disconnectAll': 'فصل كل التطبيقات',
  'connected.disconnectAll.text': 'تفقد كل التطبيقات وصولها فورًا. وعلى ما تحتاج إليه منها أن يطلب إذنك من جديد.',
  'connected.next': 'تطبيقات أخرى',
  'connected.first': 'العودة إلى أول التطبيقات',
  'connected.note': 'يسري الفصل فورًا. وما قرأه التطبيق من قبل يبقى لديه.',

  'device.heading': 'توصيل جهاز',
  'device.heading.compare': 'هل يعرض جهازك هذا الرمز؟',
  'device.text': 'أدخل الرمز الذي يعرضه جهازك. بعد ذلك تقرر ما يمكنه فعله.',
  'device.text.compare': 'انظر إلى جهازك وقارن. بعد ذلك تقرر ما يمكنه فعله.',
  'device.caution': 'لا تُدخل إلا رمزًا تراه على جهاز لك. أما الرمز الذي يعطيك إياه أحد فيُدخله هو.',
  'device.caution.compare':
    'يمكن لأي أحد أن يرسل رابطًا كهذا. إذا لم يكن الرمز على جهاز أمامك فأغلق هذه الصفحة، وإلا صار الوصول لمن أرسله.',
  'device.code': 'الرمز',
  'device.proceed': 'متابعة',
  'device.proceed.compare': 'نعم، هو نفسه',
  'device.otherCode': 'لا، رمز آخر',
  'device.problem.unknown': 'هذا الرمز غير صحيح. انظر إلى جهازك وحاول مرة أخرى.',
  'device.problem.expired': 'انتهت صلاحية هذا الرمز. اطلب من جهازك رمزًا جديدًا.',
  'device.problem.used': 'لم يعد هذا الرمز صالحًا: تم الرد عليه أو أُدخل مرات كثيرة. اطلب من جهازك رمزًا جديدًا.',
  'device.allowed.heading': 'تم توصيل {client}',
  'device.allowed.text': 'عد إلى جهازك، فالعمل يستمر هناك. يمكنك إغلاق هذه الصفحة.',
  'device.denied.heading': 'لقد رفضت',
  'device.denied.text': 'لم تتم مشاركة شيء. يمكنك إغلاق هذه الصفحة.',

  'signOut.heading': 'هل تريد تسجيل الخروج من {brand}؟',
  'signOut.text': 'ينهي هذا جلستك في هذا المتصفح. التطبيقات المتصلة تحتفظ بوصولها.',
  'signOut.goesTo': 'ثم تنتقل إلى',
  'signOut.stay': 'البقاء مسجّلًا',
  'signOut.signOut': 'تسجيل الخروج',

  'signedOut.heading': 'تم تسجيل خروجك',
  'signedOut.text': 'لا يمكن لأحد استخدام {brand} في هذا المتصفح حتى يسجّل أحد الدخول. التطبيقات المتصلة تحتفظ بوصولها.',
  'signedOut.heading.not': 'ما زلت مسجّل الدخول',
  'signedOut.text.not': 'هذا المتصفح مسجّل الدخول باسم {account}. سجّل الخروج في {brand} لإنهاء ذلك.',
  'signedOut.signIn': 'تسجيل الدخول من جديد',

  'error.reference': 'رقم مرجعي للدعم',

  'error.unknown_client.title': 'لم يعد {brand} يعرف هذا التطبيق',
  'error.unknown_client.text': 'أُزيل من هنا، أو لم يُستخدم منذ مدة طويلة. لم تتم مشاركة أي شيء.',
  'error.unknown_client.next': 'أزله من مساعدك ثم أضفه من جديد.',

  'error.client_forgotten.title': 'لم يعد هذا التطبيق مسجلًا لدى {brand}',
  'error.client_forgotten.text': 'انتهى تسجيل {client}: أُزيل، أو لم يُستخدم منذ مدة طويلة. لم تتم مشاركة أي شيء.',
  'error.client_forgotten.next': 'أزل {brand} من مساعدك ثم أضفه من جديد، فيُسجَّل مرة أخرى.',

  'error.client_metadata.title': 'لم نتمكن من التحقق ممن يطلب',
  'error.client_metadata.text': 'تعذرت قراءة وصف التطبيق لنفسه. لم تتم مشاركة أي شيء.',
  'error.client_metadata.next': 'حاول مرة أخرى بعد بضع دقائق. إن لم يُفد ذلك، فأخبر صانعي التطبيق.',

  'error.redirect_uri.title': 'كان الرد سيُرسل إلى مكان مجهول',
  'error.redirect_uri.text': 'طلب التطبيق الرد على عنوان لم يخبرنا به قط. توقفنا هنا. لم تتم مشاركة أي شيء.',
  'error.redirect_uri.next': 'إن لم تكن أنت من بدأ هذا، فأغلق هذه الصفحة. وإن كنت أنت، فأضف التطبيق من جديد.',

  'error.invalid_request.title': 'هذا الطلب غير مكتمل',
  'error.invalid_request.text': 'ينقصه شيء، أو تغيّر في الطريق. لم تتم مشاركة أي شيء.',
  'error.invalid_request.next': 'ارجع إلى {client} واتصل من جديد.',

  'error.interaction_unknown.title': 'لا نجد هذا الطلب',
  'error.interaction_unknown.text': 'العنوان غير صحيح، أو انتهى الطلب منذ زمن.',
  'error.interaction_unknown.next': 'ارجع إلى {client} واتصل من جديد.',

  'error.interaction_expired.title': 'انتهت صلاحية هذا الطلب',
  'error.interaction_expired.text': 'انتظر ردك مدة طويلة. لم تتم مشاركة أي شيء.',
  'error.interaction_expired.next': 'ارجع إلى {client} واتصل من جديد.',

  'error.interaction_answered.title': 'لقد أجبت من قبل',
  'error.interaction_answered.text': 'يُجاب عن الطلب مرة واحدة، وإجابتك الأولى هي المعتمدة.',
  'error.interaction_answered.next': 'ارجع إلى {client}. إن لم يكن متصلًا، فاتصل من جديد.',

  'error.interaction_other_browser.title': 'بدأ هذا الطلب في متصفح آخر',
  'error.interaction_other_browser.text': 'حفاظًا على أمانك، لا يمكن الإجابة عنه إلا حيث بدأ.',
  'error.interaction_other_browser.next': 'افتح الصفحة هناك، أو اتصل من جديد من {client}.',

  'error.account_changed.title': 'أنت الآن مسجّل الدخول بحساب آخر',
  'error.account_changed.text': 'كان السؤال موجهًا إلى الحساب الآخر. لم تُحتسب إجابتك.',
  'error.account_changed.next': 'ارجع إلى {client} واتصل من جديد.',

  'error.rate_limited.title': 'محاولات أكثر من اللازم',
  'error.rate_limited.text': 'جرت محاولات كثيرة في وقت قصير.',
  'error.rate_limited.next': 'انتظر دقيقة ثم حاول مرة أخرى.',

  'error.unavailable.title': 'لا يستطيع {brand} الرد الآن',
  'error.unavailable.text': 'شيء يحتاج إليه غير متاح. لم يُفقد أي شيء.',
  'error.unavailable.next': 'حاول مرة أخرى بعد بضع دقائق.',

  'error.server_error.title': 'حدث خطأ هنا',
  'error.server_error.text': 'الخطأ منا، لا منك.',
  'error.server_error.next': 'ارجع إلى {client} واتصل من جديد. إن تكرر ذلك، فأخبرنا بالرقم المرجعي أدناه.'
} as const satisfies PartialTranslation<typeof en>
