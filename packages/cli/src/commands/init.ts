/** Writes a small app that runs, with the configuration of the commands beside it. */
import { type Command, EXIT_CODES, UsageError } from '../command.ts'
import { scaffold } from '../scaffold.ts'

export const init: Command = {
  name: 'init',
  summary: 'write a small app that runs, and the configuration of these commands',
  forms: ['[FOLDER]'],
  details: [
    'The app has an authorization server on SQLite, the consent pages, and an MCP server that they protect. People sign in by naming themselves, which works on this computer only: login.js is what you replace by your own.',
    'An encryption key is made and written to .env. A file that is there already is left alone.'
  ],
  options: {},
  async run(call) {
    const [folder = '.', ...more] = call.words
    if (more.length > 0) throw new UsageError('give one FOLDER')
    const { written, kept } = scaffold(folder)
    for (const file of written) call.out.print(`wrote ${file}`)
    for (const file of kept) call.out.print(`kept  ${file}, which was there`)
    call.out.say(`Next: ${folder === '.' ? '' : `cd ${folder} && `}npm install && npm start`)
    return EXIT_CODES.done
  }
}
