/** Every command, in the order of a deployment's life. */
import type { Command } from './command.ts'
import { cleanup } from './commands/cleanup.ts'
import { clients } from './commands/clients.ts'
import { connections } from './commands/connections.ts'
import { copy } from './commands/copy.ts'
import { doctor } from './commands/doctor.ts'
import { init } from './commands/init.ts'
import { keys } from './commands/keys.ts'
import { migrate } from './commands/migrate.ts'
import { revoke } from './commands/revoke.ts'
import { stats } from './commands/stats.ts'

export const COMMANDS: readonly Command[] = [
  init,
  keys,
  migrate,
  doctor,
  stats,
  clients,
  revoke,
  cleanup,
  connections,
  copy
]
