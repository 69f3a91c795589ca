// One call of each kind, as the server SDKs take them.
export const calls = ({ userId, anonymousId }) => [
  ['identify', { userId, anonymousId, traits: { firstName: 'Erika', lastName: 'Muster', email: `${userId}@example.org` } }],
  ['track', { userId, event: 'Order Completed', properties: { total: 129.9, products: [{ sku: 'TS' }] } }],
  ['page', { userId, name: 'Home', properties: { url: 'https://shop.example/' } }],
  ['screen', { userId, name: 'Basket', properties: {} }],
  ['group', { userId, groupId: 'club', traits: { plan: 'gold' } }],
  ['alias', { userId, previousId: `${anonymousId}-before` }],
]
