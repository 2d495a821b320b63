import t from 'tap'
import { login } from '../secure-session.ts'
import { testLogin } from './flows.ts'

testLogin(t, login)
