// npm @segment/analytics-next on a page. Arguments: address, write key, user, visitor. It asks the hub for its settings,
// and calls it by single letters with text/plain.
import { open, pause } from './browser.mjs'

const [host, writeKey, userId, anonymousId] = process.argv.slice(2)
open()
const { AnalyticsBrowser } = await import('@segment/analytics-next')
const analytics = AnalyticsBrowser.load({ writeKey, cdnURL: host })
const consent = { categoryPreferences: { Analytics: true, Advertising: false } }
const failed = (error) => {
  console.error(error)
  process.exit(1)
}
analytics.on('error', failed)
await analytics.setAnonymousId(anonymousId)
const context = { consent }
await analytics.identify(userId, { firstName: 'Erika', lastName: 'Muster', email: `${userId}@example.org` }, { context })
await analytics.track('Product Viewed', { sku: 'TS' }, { context })
await analytics.page('Shop', 'Home', {}, { context })
await analytics.screen('Shop', 'Basket', {}, { context })
await analytics.group('club', { plan: 'gold' }, { context })
await analytics.alias(userId, anonymousId, { context })
await analytics.track('Segment Consent Preference Updated', {}, { context })
await pause(1500)
process.exit(0)
