// A page of another origin, for the browser SDKs: jsdom keeps to CORS in XMLHttpRequest. Node's own fetch stands in for the
// one jsdom does not have, and asks first as a browser would.
import { JSDOM } from 'jsdom'

export const open = () => {
  const origin = 'https://shop.example'
  const dom = new JSDOM('<!doctype html><title>Shop</title>', {
    url: `${origin}/p/ts-red?utm_campaign=spring`, pretendToBeVisual: true, runScripts: 'outside-only',
  })
  const { window } = dom
  const real = globalThis.fetch
  window.fetch = async (address, options = {}) => {
    const headers = new Headers(options.headers)
    const simple = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']
    const media = (headers.get('content-type') ?? '').split(';')[0]
    const unusual = [...headers.keys()].filter((name) => name !== 'accept' && !(name === 'content-type' && simple.includes(media)))
    if (unusual.length > 0) {
      const preflight = await real(address, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': options.method ?? 'GET', 'access-control-request-headers': unusual.join(',') },
      })
      const allowed = (preflight.headers.get('access-control-allow-headers') ?? '').split(/, */)
      const missing = unusual.filter((name) => !allowed.includes(name))
      if (!preflight.ok || missing.length > 0) throw new TypeError(`the preflight does not allow ${missing}`)
    }
    headers.set('origin', origin)
    const reply = await real(address, { ...options, headers })
    if (reply.headers.get('access-control-allow-origin') !== origin) throw new TypeError('the page may not see the reply')
    return reply
  }
  // The SDKs look for what a page has among the globals; what Node has of the same name stays.
  const own = new Set(['window', 'navigator', 'Event', 'CustomEvent', 'fetch', 'self'])
  for (const name of Object.getOwnPropertyNames(window)) {
    if (name in globalThis && !own.has(name)) continue
    Object.defineProperty(globalThis, name, { value: window[name], configurable: true, writable: true })
  }
  for (const name of ['addEventListener', 'removeEventListener', 'dispatchEvent']) globalThis[name] = window[name].bind(window)
  Object.assign(globalThis, { window, self: window, fetch: window.fetch })
  return window
}

export const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds))
