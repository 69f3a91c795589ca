// npm @jitsu/js on a server. Arguments: address, write key, user, visitor. Its key has two halves.
import { jitsuAnalytics } from '@jitsu/js'

const [host, writeKey, userId, anonymousId] = process.argv.slice(2)
const at = writeKey.lastIndexOf('_')
const halves = `${writeKey.slice(0, at)}:${writeKey.slice(at + 1)}`
const analytics = jitsuAnalytics({ host, writeKey: halves, runtime: undefined, errorPolicy: 'throw' })
analytics.setAnonymousId?.(anonymousId)
const failed = (error) => {
  console.error(error)
  process.exit(1)
}
process.on('unhandledRejection', failed)
await analytics.identify(userId, { firstName: 'Erika', lastName: 'Muster', email: `${userId}@example.org` })
await analytics.track('Order Completed', { total: 129.9, products: [{ sku: 'TS' }] })
await analytics.page({ name: 'Home', url: 'https://shop.example/' })
await analytics.group?.('club', { plan: 'gold' })
