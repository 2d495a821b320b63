import { checkLanguage } from '../axe.ts'

await checkLanguage('en')
