/** The words of every page, in Simplified Chinese. */
import type { PartialTranslation } from '@fastify-mcp-auth/core/pages'
import type { en } from './en.ts'

export const zhHans = {
  'name.unverified': '“{name}”',
  'name.unknown': '该应用',

  'consent.heading': '{client} 想代您使用 {resource}',
  'consent.heading.more': { other: '{client} 还想要 {count} 项许可' },
  'consent.intro': '由您决定它可以做什么。',
  'consent.intro.manage': '由您决定它可以做什么。您可以随时收回。',
  'consent.intro.more': '它已经在使用 {resource}。由您决定它能否做更多。',

  'consent.askedBy': '请求方',
  'consent.verified': '已核实',
  'consent.notVerified': '未核实',
  'consent.wholeName': '显示完整名称',
  'consent.firstTime': '首次请求',
  'consent.known': '您以前允许过',
  'consent.answersTo': '答复发往',
  'consent.answersTo.loopback': '{host}（此电脑上的程序）',
  'consent.answersTo.device': '显示代码 {code} 的设备',
  'consent.answersTo.privateUse': '此设备上打开 {scheme} 链接的应用',
  'consent.signedInAs': '登录身份',
  'consent.switchAccount': '不是您？',

  'consent.organization': '代表',
  'consent.organization.pick': '它可以代表',

  'consent.may': '它可以',
  'consent.may.more': '它还可以',
  'consent.needed': '必需',
  'consent.irreversible': '无法撤销',
  'consent.tools': { other: '{count} 个工具：{names}' },
  'consent.tools.some': { other: '{count} 个工具，例如：{names}' },
  'consent.tools.all': '显示全部工具',
  'consent.includes': '还包括：{list}',
  'consent.alreadyAllowed': '已允许',
  'consent.manage': '管理已连接的应用',

  'consent.details': '详细信息',
  'consent.details.client': '应用的标识',
  'consent.details.answersTo': '答复的完整地址',
  'consent.details.place': '它想使用的地址',
  'consent.details.site': '应用的网站',
  'consent.details.privacy': '它的隐私政策',
  'consent.details.terms': '它的使用条款',

  'consent.deny': '拒绝',
  'consent.allow': '允许',
  'consent.until.days': { other: '访问权限最长 {count} 天。' },
  'consent.until.hours': { other: '访问权限最长 {count} 小时。' },
  'consent.until.minutes': { other: '访问权限最长 {count} 分钟。' },

  'warning.started': '只有当这是您自己发起的操作时，才继续。',
  'warning.loopback': '此电脑上的任何程序都能收到答复，而且没有人核实过 {client} 是谁。',
  'warning.loopback.verified': '此电脑上的任何程序都可以自称是 {client} 并收到答复。',
  'warning.privateUse': '此设备上的其他应用也能打开 {scheme} 链接，那样就会收到答复。',
  'warning.device': '只有当您自己的设备显示 {code} 时，才继续。',
  'warning.device.text': '您允许的内容会给予那台设备。如果这个代码是别人给您的，请拒绝：否则获得访问权限的会是那个人。',
  'warning.firstTime': '没有人核实过 {client} 是谁，您也从未在这里用过它。答复会发往 {host}。',
  'warning.imitation': '这个名称看起来像 {own}。',
  'warning.imitation.text': '没有人核实过它来自那里。如果不确定，请拒绝。',
  'warning.mixedScripts': '请仔细看名称 {client}。',
  'warning.mixedScripts.text': '它混用了不同字母表中外形相似的字母。这样的名称常被用来冒充别人。如果不确定，请拒绝。',

  'connected.heading': '已连接的应用',
  'connected.intro': '这些应用可以代您使用 {brand}。不再需要的，请断开。',
  'connected.none': '没有应用可以代您使用 {brand}。有应用请求时，由您决定。',
  'connected.notice.one': '该应用已断开，不再有访问权限。',
  'connected.notice.all': '所有应用都已断开，都不再有访问权限。',
  'connected.notice.stale': '没有任何更改：此页面打开得太久，或者您换了账号登录。请再看一次。',
  'connected.uses': '使用',
  'connected.since': '{day} 连接',
  'connected.lastActive': '最近活动：{ago}',
  'connected.ends': '访问权限最晚于 {day} 结束',
  'connected.disconnect': '断开',
  'connected.disconnect.named': '断开 {client}',
  'connected.disconnectAll': '断开所有应用',
  'connected.disconnectAll.text': '所有应用会立即失去访问权限。仍然需要的应用必须重新向您请求。',
  'connected.next': '更多应用',
  'connected.first': '回到最前面的应用',
  'connected.note': '断开立即生效。应用已经读取的内容会留在它那里。',

  'device.heading': '连接设备',
  'device.heading.compare': '您的设备显示的是这个代码吗？',
  'device.text': '请输入您的设备显示的代码。之后由您决定它可以做什么。',
  'device.text.compare': '请看着您的设备进行比对。之后由您决定它可以做什么。',
  'device.caution': '只输入您在自己的设备上看到的代码。输入别人给您的代码，就等于让那个人进来。',
  'device.caution.compare':
    '任何人都能发送这样的链接。如果您面前的设备上没有这个代码，请关闭此页面：否则获得访问权限的会是发送链接的人。',
  'device.code': '代码',
  'device.proceed': '继续',
  'device.proceed.compare': '是的，一致',
  'device.otherCode': '不是，输入其他代码',
  'device.problem.unknown': '这个代码不对。请查看您的设备，再试一次。',
  'device.problem.expired': '这个代码已过期。请让设备显示一个新代码。',
  'device.problem.used': '这个代码已不能使用：它已被答复，或者输入次数过多。请让设备显示一个新代码。',
  'device.allowed.heading': '{client} 已连接',
  'device.allowed.text': '请回到您的设备，操作会在那里继续。您可以关闭此页面。',
  'device.denied.heading': '您已拒绝',
  'device.denied.text': '没有共享任何内容。您可以关闭此页面。',

  'signedOut.heading': '您已退出登录',
  'signedOut.text': '在有人重新登录之前，此浏览器中无人可以使用 {brand}。已连接的应用仍保留访问权限。',
  'signedOut.heading.not': '您仍处于登录状态',
  'signedOut.text.not': '此浏览器以 {account} 的身份登录。要结束登录，请在 {brand} 中退出。',
  'signedOut.signIn': '重新登录',

  'error.reference': '供客服使用的编号',

  'error.unknown_client.title': '{brand} 不再认识这个应用',
  'error.unknown_client.text': '它在这里被移除了，或者很久没有使用。没有共享任何内容。',
  'error.unknown_client.next': '请在您的助手中移除它，然后重新添加。',

  'error.client_forgotten.title': '这个应用已不在 {brand} 登记',
  'error.client_forgotten.text': '{client} 的登记已经结束：它被移除了，或者很久没有使用。没有共享任何内容。',
  'error.client_forgotten.next': '请在您的助手中移除 {brand}，然后重新添加，这样会重新登记。',

  'error.client_metadata.title': '我们无法核实是谁在请求',
  'error.client_metadata.text': '无法读取该应用对自己的说明。没有共享任何内容。',
  'error.client_metadata.next': '请几分钟后再试。如果仍然不行，请告诉该应用的开发者。',

  'error.redirect_uri.title': '答复将发往一个未知的地方',
  'error.redirect_uri.text': '该应用要求把答复发往一个从未告诉过我们的地址。我们已在此停止。没有共享任何内容。',
  'error.redirect_uri.next': '如果这不是您自己发起的，请关闭此页面。如果是，请重新添加该应用。',

  'error.invalid_request.title': '这个请求不完整',
  'error.invalid_request.text': '其中缺少了内容，或者在途中被改动。没有共享任何内容。',
  'error.invalid_request.next': '请回到 {client} 重新连接。',

  'error.interaction_unknown.title': '我们找不到这个请求',
  'error.interaction_unknown.text': '地址不对，或者请求早已结束。',
  'error.interaction_unknown.next': '请回到 {client} 重新连接。',

  'error.interaction_expired.title': '这个请求已过期',
  'error.interaction_expired.text': '它等待您的答复太久了。没有共享任何内容。',
  'error.interaction_expired.next': '请回到 {client} 重新连接。',

  'error.interaction_answered.title': '您已经答复过了',
  'error.interaction_answered.text': '一个请求只能答复一次，以您的第一次答复为准。',
  'error.interaction_answered.next': '请回到 {client}。如果没有连接上，请重新连接。',

  'error.interaction_other_browser.title': '这个请求是在另一个浏览器中开始的',
  'error.interaction_other_browser.text': '为了您的安全，只能在开始的地方答复。',
  'error.interaction_other_browser.next': '请在那里打开此页面，或者从 {client} 重新连接。',

  'error.account_changed.title': '您现在登录的是另一个账号',
  'error.account_changed.text': '这个问题是问另一个账号的。您的答复没有生效。',
  'error.account_changed.next': '请回到 {client} 重新连接。',

  'error.rate_limited.title': '次数太多了',
  'error.rate_limited.text': '短时间内尝试次数过多。',
  'error.rate_limited.next': '请等一分钟再试。',

  'error.unavailable.title': '{brand} 暂时无法答复',
  'error.unavailable.text': '它所需要的某个服务无法访问。没有丢失任何内容。',
  'error.unavailable.next': '请几分钟后再试。',

  'error.server_error.title': '这里出了问题',
  'error.server_error.text': '这是我们的错，与您无关。',
  'error.server_error.next': '请回到 {client} 重新连接。如果再次发生，请把下面的编号告诉我们。'
} as const satisfies PartialTranslation<typeof en>
