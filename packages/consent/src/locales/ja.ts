/** The words of every page, in Japanese. */
import type { PartialTranslation } from '@fastify-mcp-auth/core/pages'
import type { en } from './en.ts'

export const ja = {
  'name.unverified': '「{name}」',
  'name.unknown': 'このアプリ',

  'consent.heading': '{client} があなたの代わりに {resource} を使おうとしています',
  'consent.heading.more': { other: '{client} が追加で {count} 件の許可を求めています' },
  'consent.intro': '何を許可するかは、あなたが決められます。',
  'consent.intro.manage': '何を許可するかは、あなたが決められます。いつでも取り消せます。',
  'consent.intro.more': 'すでに {resource} を利用しています。さらに許可するかどうかを決めてください。',

  'consent.askedBy': '要求元',
  'consent.verified': '確認済み',
  'consent.notVerified': '未確認',
  'consent.wholeName': '名前をすべて表示',
  'consent.firstTime': '初めて',
  'consent.known': '以前に許可しました',
  'consent.answersTo': '回答の送信先',
  'consent.answersTo.loopback': '{host}（このコンピューター上のプログラム）',
  'consent.answersTo.device': 'コード {code} を表示しているデバイス',
  'consent.answersTo.privateUse': '{scheme} のリンクを開く、この端末上のアプリ',
  'consent.signedInAs': 'ログイン中',
  'consent.switchAccount': '別の人ですか？',

  'consent.organization': '対象の組織',
  'consent.organization.pick': '対象とする組織',

  'consent.may': '許可する内容',
  'consent.may.more': '追加で許可する内容',
  'consent.needed': '必須',
  'consent.irreversible': '元に戻せません',
  'consent.tools': { other: 'ツール {count} 個：{names}' },
  'consent.tools.some': { other: 'ツール {count} 個（{names} など）' },
  'consent.tools.all': 'すべてのツールを表示',
  'consent.includes': '次も含みます：{list}',
  'consent.alreadyAllowed': '許可済み',
  'consent.manage': '接続済みアプリを管理',

  'consent.details': '詳細',
  'consent.details.client': 'アプリの識別子',
  'consent.details.answersTo': '回答の送信先アドレス',
  'consent.details.place': '利用先のアドレス',
  'consent.details.site': 'アプリのウェブサイト',
  'consent.details.privacy': 'プライバシーポリシー',
  'consent.details.terms': '利用規約',

  'consent.deny': '拒否',
  'consent.allow': '許可',
  'consent.until.days': { other: 'アクセスできるのは最長 {count} 日間です。' },
  'consent.until.hours': { other: 'アクセスできるのは最長 {count} 時間です。' },
  'consent.until.minutes': { other: 'アクセスできるのは最長 {count} 分間です。' },

  'warning.started': '自分で始めた操作である場合だけ続けてください。',
  'warning.loopback':
    'このコンピューター上のどのプログラムでも回答を受け取れます。また、{client} が誰なのかは確認されていません。',
  'warning.loopback.verified': 'このコンピューター上のどのプログラムでも {client} を名乗って回答を受け取れます。',
  'warning.privateUse': 'この端末の別のアプリも {scheme} のリンクを開くことができ、その場合は回答を受け取ります。',
  'warning.device': '自分のデバイスに {code} が表示されている場合だけ続けてください。',
  'warning.device.text':
    '許可した内容は、そのデバイスに与えられます。誰かからこのコードを教えられた場合は拒否してください。その人がアクセスできるようになります。',
  'warning.firstTime': '{client} が誰なのかは確認されておらず、ここで使うのは初めてです。回答は {host} に送られます。',
  'warning.imitation': 'この名前は {own} に似ています。',
  'warning.imitation.text': '本当にそこからのものかは確認されていません。確信がなければ拒否してください。',
  'warning.mixedScripts': '{client} という名前をよく見てください。',
  'warning.mixedScripts.text':
    '見た目の似た別の文字体系の文字が混ざっています。このような名前は、ほかの名前に見せかけるために使われます。確信がなければ拒否してください。',

  'connected.heading': '接続済みアプリ',
  'connected.intro': '次のアプリは、あなたの代わりに {brand} を使えます。不要になったものは切断してください。',
  'connected.none': 'あなたの代わりに {brand} を使えるアプリはありません。求められたときに、あなたが決められます。',
  'connected.notice.one': 'アプリを切断しました。もうアクセスできません。',
  'connected.notice.all': 'すべてのアプリを切断しました。どのアプリもアクセスできません。',
  'connected.notice.stale':
    '何も変更されていません。このページが長く開かれたままだったか、別のアカウントでログインしました。もう一度ご確認ください。',
  'connected.uses': '利用先',
  'connected.since': '{day} に接続',
  'connected.lastActive': '最終利用：{ago}',
  'connected.ends': 'アクセスは遅くとも {day} に終わります',
  'connected.disconnect': '切断',
  'connected.disconnect.named': '{client} を切断',
  'connected.disconnectAll': 'すべてのアプリを切断',
  'connected.disconnectAll.text':
    'すべてのアプリがすぐにアクセスできなくなります。まだ必要なアプリは、もう一度許可を求める必要があります。',
  'connected.next': 'ほかのアプリ',
  'connected.first': '最初のアプリに戻る',
  'connected.note': '切断はすぐに有効になります。アプリがすでに読み取った内容は、アプリに残ります。',

  'device.heading': 'デバイスを接続',
  'device.heading.compare': 'このコードがデバイスに表示されていますか？',
  'device.text': 'デバイスに表示されているコードを入力してください。何を許可するかは、そのあとで決められます。',
  'device.text.compare': 'デバイスを見て比べてください。何を許可するかは、そのあとで決められます。',
  'device.caution':
    '自分のデバイスに表示されているコードだけを入力してください。誰かから教えられたコードを入力すると、その人がアクセスできるようになります。',
  'device.caution.compare':
    'このようなリンクは誰でも送れます。目の前のデバイスに同じコードがなければ、このページを閉じてください。送った人がアクセスできるようになります。',
  'device.code': 'コード',
  'device.proceed': '続ける',
  'device.proceed.compare': 'はい、同じです',
  'device.otherCode': '別のコードを入力',
  'device.problem.unknown': 'コードが正しくありません。デバイスを見て、もう一度お試しください。',
  'device.problem.expired': 'このコードは期限切れです。デバイスで新しいコードを表示してください。',
  'device.problem.used':
    'このコードはもう使えません。回答済みか、入力された回数が多すぎます。デバイスで新しいコードを表示してください。',
  'device.allowed.heading': '{client} を接続しました',
  'device.allowed.text': 'デバイスに戻ってください。続きはそちらで進みます。このページは閉じてかまいません。',
  'device.denied.heading': '拒否しました',
  'device.denied.text': '何も共有されていません。このページは閉じてかまいません。',

  'signOut.heading': '{brand} からログアウトしますか？',
  'signOut.text': 'このブラウザーでのログインが終わります。接続済みアプリのアクセスは続きます。',
  'signOut.goesTo': '次の移動先',
  'signOut.stay': 'ログインしたままにする',
  'signOut.signOut': 'ログアウト',

  'signedOut.heading': 'ログアウトしました',
  'signedOut.text':
    'もう一度ログインするまで、このブラウザーでは誰も {brand} を使えません。接続済みアプリのアクセスは続きます。',
  'signedOut.heading.not': 'まだログインしています',
  'signedOut.text.not':
    'このブラウザーは {account} としてログインしています。終了するには {brand} でログアウトしてください。',
  'signedOut.signIn': 'もう一度ログイン',

  'error.reference': 'サポート用の参照番号',

  'error.unknown_client.title': '{brand} はこのアプリを認識できなくなりました',
  'error.unknown_client.text': 'ここで削除されたか、長い間使われていませんでした。何も共有されていません。',
  'error.unknown_client.next': 'アシスタントからいったん削除し、もう一度追加してください。',

  'error.client_forgotten.title': 'このアプリは {brand} に登録されていません',
  'error.client_forgotten.text':
    '{client} の登録は終了しました。削除されたか、長い間使われていませんでした。何も共有されていません。',
  'error.client_forgotten.next':
    'アシスタントから {brand} をいったん削除し、もう一度追加してください。新しく登録されます。',

  'error.client_metadata.title': '要求元を確認できませんでした',
  'error.client_metadata.text': 'アプリ自身の説明を読み取れませんでした。何も共有されていません。',
  'error.client_metadata.next': '数分後にもう一度お試しください。解決しない場合は、アプリの提供元にお知らせください。',

  'error.redirect_uri.title': '回答が不明な場所に送られるところでした',
  'error.redirect_uri.text':
    'アプリは、事前に知らされていないアドレスへの回答を求めました。ここで中止しました。何も共有されていません。',
  'error.redirect_uri.next':
    '自分で始めた操作でなければ、このページを閉じてください。自分で始めた場合は、アプリをもう一度追加してください。',

  'error.invalid_request.title': 'この要求は不完全です',
  'error.invalid_request.text': '何かが欠けているか、途中で変更されました。何も共有されていません。',
  'error.invalid_request.next': '{client} に戻り、もう一度接続してください。',

  'error.interaction_unknown.title': 'この要求が見つかりません',
  'error.interaction_unknown.text': 'アドレスが間違っているか、要求はずっと前に終了しています。',
  'error.interaction_unknown.next': '{client} に戻り、もう一度接続してください。',

  'error.interaction_expired.title': 'この要求は期限切れです',
  'error.interaction_expired.text': '回答を待つ時間が長すぎました。何も共有されていません。',
  'error.interaction_expired.next': '{client} に戻り、もう一度接続してください。',

  'error.interaction_answered.title': 'すでに回答済みです',
  'error.interaction_answered.text': '回答できるのは一度だけで、最初の回答が有効です。',
  'error.interaction_answered.next': '{client} に戻ってください。接続されていなければ、もう一度接続してください。',

  'error.interaction_other_browser.title': 'この要求は別のブラウザーで始まりました',
  'error.interaction_other_browser.text': '安全のため、始めたブラウザーでしか回答できません。',
  'error.interaction_other_browser.next': 'そのブラウザーでページを開くか、{client} からもう一度接続してください。',

  'error.account_changed.title': '別のアカウントでログインしています',
  'error.account_changed.text': 'この質問は別のアカウントに向けたものでした。あなたの回答は無効です。',
  'error.account_changed.next': '{client} に戻り、もう一度接続してください。',

  'error.rate_limited.title': '回数が多すぎます',
  'error.rate_limited.text': '短い時間に試行が多すぎました。',
  'error.rate_limited.next': '1 分ほど待ってから、もう一度お試しください。',

  'error.unavailable.title': '{brand} は現在応答できません',
  'error.unavailable.text': '必要なものに接続できません。何も失われていません。',
  'error.unavailable.next': '数分後にもう一度お試しください。',

  'error.server_error.title': 'こちらで問題が発生しました',
  'error.server_error.text': '原因はこちらにあり、あなたにはありません。',
  'error.server_error.next':
    '{client} に戻り、もう一度接続してください。繰り返す場合は、下の参照番号をお知らせください。'
} as const satisfies PartialTranslation<typeof en>
