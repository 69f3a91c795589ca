// npm analytics-node, the one before. Arguments: address, write key, user, visitor.
import Analytics from 'analytics-node'
import { calls } from './calls.mjs'

const [host, writeKey, userId, anonymousId] = process.argv.slice(2)
const failed = (error) => {
  console.error(error)
  process.exit(1)
}
const analytics = new Analytics(writeKey, { host, errorHandler: failed, retryCount: 5 })
for (const [name, call] of calls({ userId, anonymousId })) analytics[name](call)
await analytics.flush()
