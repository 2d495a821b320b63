import { checkLanguage } from '../axe.ts'

await checkLanguage('zh-Hans')
