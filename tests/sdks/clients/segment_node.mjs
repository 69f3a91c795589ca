// npm @segment/analytics-node. Arguments: address, write key, user, visitor.
import { Analytics } from '@segment/analytics-node'
import { calls } from './calls.mjs'

const [host, writeKey, userId, anonymousId] = process.argv.slice(2)
const analytics = new Analytics({ writeKey, host, maxRetries: 5 })
analytics.on('error', (error) => {
  console.error(error)
  process.exit(1)
})
for (const [name, call] of calls({ userId, anonymousId })) analytics[name](call)
await analytics.closeAndFlush()
