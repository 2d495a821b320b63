// What the authorization server asks the app about its users.
import { loginUrl, signedIn } from './login.js'

export const users = {
  current(request) {
    const session = signedIn(request)
    return session ? { user: { name: session.name }, authTime: session.authTime } : null
  },
  loginUrl,
  subject: user => user.name,
  find: subject => ({ name: subject }),
  displayName: user => user.name
}
