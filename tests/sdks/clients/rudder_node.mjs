// npm @rudderstack/rudder-sdk-node: a form that is none, packed with gzip. Arguments: address, write key, user, visitor.
import RudderAnalytics from '@rudderstack/rudder-sdk-node'
import { calls } from './calls.mjs'

const [host, writeKey, userId, anonymousId] = process.argv.slice(2)
const failed = (error) => {
  if (error) {
    console.error(error)
    process.exit(1)
  }
}
const analytics = new RudderAnalytics(writeKey, { dataPlaneUrl: host, logLevel: 'error', errorHandler: failed })
for (const [name, call] of calls({ userId, anonymousId })) analytics[name](call)
await analytics.flush()
