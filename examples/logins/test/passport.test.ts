import t from 'tap'
import { login } from '../passport.ts'
import { testLogin } from './flows.ts'

testLogin(t, login)
