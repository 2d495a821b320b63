import { checkLanguage } from '../axe.ts'

await checkLanguage('fr')
