import type { Plugin } from 'vite'

import { handle } from './routes.ts'

/** Answers the interface from made-up data, for work on the page without a server. Never part of the built page. */
export function mockServer(): Plugin {
  return {
    name: 'plexcut-mock-server',
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        if (!request.url || !/^\/(api|static)\//.test(request.url)) {
          next()
          return
        }
        handle(request, response).catch((error: unknown) => {
          response.statusCode = 500
          response.end(String(error))
        })
      })
    },
  }
}
