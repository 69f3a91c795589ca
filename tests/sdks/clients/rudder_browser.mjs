// npm @rudderstack/analytics-js on a page. Arguments: address, write key, user, visitor. It asks the hub for its source.
import { open, pause } from './browser.mjs'

const [host, writeKey, userId, anonymousId] = process.argv.slice(2)
open()
const { RudderAnalytics } = await import('@rudderstack/analytics-js/bundled')
const analytics = new RudderAnalytics()
const ready = new Promise((done) => analytics.ready(done))
// jsdom lacks sendBeacon; no program from elsewhere may be loaded for it.
const options = { configUrl: host, logLevel: 'ERROR', storage: { type: 'localStorage' }, polyfillIfRequired: false }
analytics.load(writeKey, host, options)
await ready
analytics.setAnonymousId(anonymousId)
analytics.identify(userId, { firstName: 'Erika', lastName: 'Muster', email: `${userId}@example.org` })
analytics.track('Product Viewed', { sku: 'TS' })
analytics.page('Shop', 'Home', {})
analytics.group('club', { plan: 'gold' })
analytics.alias(userId, anonymousId)
await pause(4000)
process.exit(0)
