/**
 * Gives a connection up that does not answer. Neither `pg` nor `mysql2` does so by itself: a server that hangs, or a network that
 * drops packets, would fill the pool with connections that nobody hears of again.
 */
import type { MysqlPool, MysqlPoolConnection, PostgresPool, PostgresPoolClient } from 'kysely'

/** There was no answer in time. */
class Silence extends Error {
  constructor(seconds: number) {
    super(`no answer within ${seconds} seconds`)
  }
}

/**
 * Waits for an answer, but not longer than that. What was asked may still happen: nobody knows.
 *
 * @param seconds null for no limit
 * @param tooLate gets an answer that came when nobody waited for it any longer
 */
export async function inTime<T>(
  seconds: number | null,
  ask: () => Promise<T>,
  tooLate: (late: T) => void = () => {}
): Promise<T> {
  if (seconds === null) return ask()
  let isLate = false
  let timer: NodeJS.Timeout | undefined
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      isLate = true
      reject(new Silence(seconds))
    }, seconds * 1000)
  })
  const answer = ask()
  // An error that comes too late has nobody to go to either.
  answer.then(
    late => isLate && tooLate(late),
    () => {}
  )
  try {
    return await Promise.race([answer, silence])
  } finally {
    clearTimeout(timer)
  }
}

/** What the two packages have of these types; their own are stricter than what Kysely asks for. */
export type PgPool = PostgresPool
export type Mysql2Pool = MysqlPool

/** @param seconds for one statement; null for no limit. `end` does nothing: whoever opened the pool ends it */
export function limitedPgPool(open: () => Promise<PgPool>, seconds: number | null): () => Promise<PostgresPool> {
  return async () => {
    const pool = await open()
    return {
      options: pool.options,
      end: async () => {},
      connect: async () => {
        const client = await inTime(
          seconds,
          () => pool.connect(),
          late => late.release()
        )
        return limitedClient(client, seconds)
      }
    }
  }
}

function limitedClient(client: PostgresPoolClient, seconds: number | null): PostgresPoolClient {
  let isLost = false
  async function query(sql: string, parameters: readonly unknown[]): Promise<unknown> {
    try {
      return await inTime(seconds, () => client.query(sql, parameters))
    } catch (error) {
      isLost ||= error instanceof Silence
      throw error
    }
  }
  return {
    query: query as PostgresPoolClient['query'],
    ...(client.processID === undefined ? {} : { processID: client.processID }),
    release: destroy => client.release(isLost || destroy)
  }
}

/** @param seconds for one statement; null for no limit. `end` does nothing: whoever opened the pool ends it */
export function limitedMysqlPool(open: () => Promise<Mysql2Pool>, seconds: number | null): () => Promise<MysqlPool> {
  return async () => {
    const pool = await open()
    return {
      end: done => done(null),
      getConnection: done => {
        const connection = inTime(
          seconds,
          () => connectionOf(pool),
          late => late.release()
        )
        connection.then(
          found => done(null, seconds === null ? found : limitedConnection(found, seconds)),
          error => done(error, undefined as never)
        )
      }
    }
  }
}

function connectionOf(pool: Mysql2Pool): Promise<MysqlPoolConnection> {
  return new Promise((resolve, reject) => {
    pool.getConnection((error, connection) => (error ? reject(error) : resolve(connection)))
  })
}

function limitedConnection(connection: MysqlPoolConnection, seconds: number): MysqlPoolConnection {
  return {
    config: connection.config,
    threadId: connection.threadId,
    connect: done => connection.connect(done),
    destroy: () => connection.destroy(),
    release: () => connection.release(),
    query(sql, parameters, done) {
      let isOver = false
      const end: typeof done = (error, result) => {
        if (isOver) return
        isOver = true
        clearTimeout(timer)
        done?.(error, result)
      }
      const timer = setTimeout(() => {
        connection.destroy()
        end(new Silence(seconds), [])
      }, seconds * 1000)
      return connection.query(sql, parameters, end)
    }
  }
}
