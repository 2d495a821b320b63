import t from 'tap'
import { login } from '../session.ts'
import { testLogin } from './flows.ts'

testLogin(t, login)
