/**
 * Gives a connection up that does not answer. Neither `pg` nor `mysql2` does so by itself: a server that hangs, or a network that
 * drops packets, would fill the pool with connections that nobody hears of again.
 */
import type { MysqlPool, MysqlPoolConnection, PostgresPool, PostgresPoolClient } from 'kysely'

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
      connect: async () => limitedClient(await pool.connect(), seconds)
    }
  }
}

function limitedClient(client: PostgresPoolClient, seconds: number | null): PostgresPoolClient {
  let isLost = false
  async function query(sql: string, parameters: readonly unknown[]): Promise<unknown> {
    if (seconds === null) return client.query(sql, parameters)
    let timer: NodeJS.Timeout | undefined
    const silence = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        isLost = true
        reject(noAnswer(seconds))
      }, seconds * 1000)
    })
    const answer = client.query(sql, parameters)
    // Ending the connection makes an error of it, after everybody has gone.
    answer.catch(() => {})
    try {
      return await Promise.race([answer, silence])
    } finally {
      clearTimeout(timer)
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
      getConnection: done =>
        pool.getConnection((error, connection) =>
          done(error, error || seconds === null ? connection : limitedConnection(connection, seconds))
        )
    }
  }
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
        end(noAnswer(seconds), [])
      }, seconds * 1000)
      return connection.query(sql, parameters, end)
    }
  }
}

function noAnswer(seconds: number): Error {
  return new Error(`no answer within ${seconds} seconds`)
}
